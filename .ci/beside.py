"""A training step of ours beside nanoGPT's, in turns in one process:

    git clone https://github.com/karpathy/nanoGPT /tmp/nanogpt
    python .ci/beside.py /tmp/nanogpt

nanoGPT's model.py with its own configure_optimizers, clipping and zero_grad; ours as the trainer takes a step. Both keep freed
memory (chapter 04). Prints the fastest of a number of steps of each, and the ratio. On a CPU nanoGPT computes in fp32 whatever its
flag says, so ours is timed in fp32 and in the format that `--dtype auto` picks here. No assertion on a time."""
import importlib.util, sys, time
from pathlib import Path
import torch
from torch import nn
from gpt2_nb.model import GPT, GPTConfig
from gpt2_nb.optim import make_optimizer
from gpt2_nb.work.device import autocast, cpu_name, keep_memory, pick_dtype

SIZES = {'quickstart': ((64, 4096, 2, 2, 128), 32, 30), 'four layers': ((256, 50304, 4, 4, 256), 4, 8), '124M': ((512, 50304, 12, 12, 768), 2, 4)}

def theirs(folder, shape, start):
    "nanoGPT's model with our first weights, and its optimiser"
    spec = importlib.util.spec_from_file_location('nanogpt_model', Path(folder)/'model.py')
    sys.modules[spec.name] = m = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    names = 'block_size vocab_size n_layer n_head n_embd'.split()
    model = m.GPT(m.GPTConfig(**dict(zip(names, shape)), dropout=0., bias=True))
    model.load_state_dict(start.state_dict())
    return model, model.configure_optimizers(.1, 1e-4, (.9, .95), 'cpu')

def beside(folder, name, cpu=torch.device('cpu')):
    shape,B,n = SIZES[name]
    torch.manual_seed(0)
    T,V = shape[:2]
    model = GPT(GPTConfig(*shape))
    other,other_opt = theirs(folder, shape, model)
    opt = make_optimizer(model, 'adamw', 1e-4, .1)
    x,y = torch.randint(V, (2, B, T))
    def step(dtype):
        with autocast(cpu, dtype): loss = model.loss(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.)
        opt.step()
        opt.zero_grad(set_to_none=True)
        return loss.item()
    def other_step():
        _,loss = other(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(other.parameters(), 1.)
        other_opt.step()
        other_opt.zero_grad(set_to_none=True)
        return loss.item()
    ways = {'nanoGPT, fp32': other_step, 'ours, fp32': lambda: step(torch.float32)}
    auto = pick_dtype(cpu)
    if auto != torch.float32: ways['ours, '+str(auto).removeprefix('torch.')] = lambda: step(auto)
    assert abs(ways['nanoGPT, fp32']()-ways['ours, fp32']()) < 1e-4  # the same model
    times = {k: [] for k in ways}
    for _ in range(n):
        for k,f in ways.items():
            t0 = time.perf_counter()
            f()
            times[k].append(time.perf_counter()-t0)
    first = min(times['nanoGPT, fp32'])
    print(name, *(f'{k} {min(v)*1e3:.1f} ms ({first/min(v):.2f}×)' for k,v in times.items()), sep=' | ')

if __name__ == '__main__':
    keep_memory()
    print(cpu_name(), torch.get_num_threads(), 'threads, torch', torch.__version__)
    for name in SIZES: beside(sys.argv[1], name)
