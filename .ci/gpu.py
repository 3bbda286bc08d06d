"Called by gpu.sh: run the parts of one call, and gather them into gpu.json"
import json, math, os, platform, shutil, subprocess, sys, time
from datetime import datetime, timezone
from pathlib import Path

OUT,W = Path(os.environ['OUT']),Path(os.environ['W'])
DATA = '.gpu/shards'
TINY = bool(os.environ.get('TINY'))
SMALL = '''--n_layer 1 --n_head 2 --n_embd 32 --block_size 64
 --total_batch_tokens 512 --micro_batch 4 --val_tokens 2048
 --hellaswag_every 0'''.split()
ONCE = '''--eval_every 999 --sample_every 0 --hellaswag_every 0
 --checkpoint_every 999 --val_tokens 1024 --log_every 1'''.split()

def train(name, *flags, preset='gpt2-124m', launcher=('python', '-m')):
    return [*launcher, 'gpt2_nb.train', '--preset', preset, '--data', DATA,
            '--out_dir', str(W/name), *flags, *(SMALL if TINY else [])]

def run_of(name): return train(name, *'''--max_steps 30 --eval_every 15
 --val_tokens 1048576 --hellaswag_every 15 --sample_every 30
 --checkpoint_every 10 --log_every 1'''.split())

def short(name, steps, *flags, **kwargs):
    return train(name, *ONCE, '--max_steps', str(steps), *flags, **kwargs)

def parts(call:str)->list:
    "Name, limit in seconds, command; sums: 380, and 385 but for the last"
    here = ['python', __file__]
    torchrun = ['torchrun', '--standalone', '--nproc_per_node=1', '-m']
    speed = ['python', '-m', 'gpt2_nb.speed', '--json', '--out', str(W/'speed')]
    size = '--model gpt2 --micro_batch 64 --seq_len 1024 --rungs'.split()
    if TINY: size = '--model mini --micro_batch 1 --seq_len 32 --rungs'.split()
    evals = ['python', '-m', 'gpt2_nb.evals', '--model', str(W/'train'),
             '--task', 'hellaswag', '--json']
    if TINY: evals += ['--limit', '20']
    too_big = '1' if TINY else '512'
    oom = ['--micro_batch', too_big, '--compile', 'no']
    dry = train('dry', '--dry_run', '--hellaswag_every', '0')
    chunked = speed + size + ['chunked']  # as the trainer does it
    if call == '1': return [
        ('speed', 90, chunked),
        ('kernels', 45, [*here, 'kernels']),
        ('stream', 60, [*here, 'stream', *size, 'bf16' if TINY else 'chunked',
                        '--json']),
        ('flash2', 45, ['env', 'TORCH_CUDNN_SDPA_DEPRIORITIZED=1', *chunked]),
        ('train', 140, run_of('train'))]
    return [
        ('stopped', 50, run_of('again')),      # ends by SIGTERM at its limit
        ('resumed', 60, run_of('again')),
        ('ddp', 55, short('ddp', 6, launcher=torchrun)),
        ('fsdp', 45, short('fsdp', 6, '--shard', launcher=torchrun)),
        ('muon', 50, short('muon', 8, preset='gpt2-124m-fast')),
        ('fp16', 40, short('fp16', 6, '--dtype', 'fp16')),
        ('hellaswag', 30, evals),
        ('too_big', 25, short('o', 1, *oom)),
        ('dry_run', 30, dry),
        ('autotune', 120, ['env', 'TORCHINDUCTOR_MAX_AUTOTUNE=1', *chunked])]

def kernels():
    "Milliseconds of a step by kernel, and how often, as the trainer does it"
    from torch.profiler import profile
    from gpt2_nb import speed
    dev = speed.pick_device()
    cfg = speed.GPTConfig(**speed.SHAPES['mini' if TINY else 'gpt2'])
    B,T = (1, 32) if TINY else (64, 1024)
    if dev.type == 'cuda': speed.settle_memory(dev)
    rung = speed.ladder(dev.type)['chunked']
    step = speed.make_step(rung, cfg, B, T, dev)
    for _ in range(3): step()
    speed.sync(dev)
    n = 2 if TINY else 5
    with profile() as p:
        for _ in range(n): step()
        speed.sync(dev)
    on = 'self_device_time_total' if dev.type == 'cuda' \
        else 'self_cpu_time_total'
    rows = sorted(p.key_averages(), key=lambda r: -getattr(r, on))
    print(json.dumps({r.key[:90]: [round(getattr(r, on)/1e3/n, 3), r.count//n]
                      for r in rows[:40] if getattr(r, on)}))

def stream(args):
    "The ladder with the residual stream in bf16, which the library leaves fp32"
    from gpt2_nb import speed
    own = speed.GPT.__init__
    def short(block, args): return args[0].bfloat16(), *args[1:]
    def init(self, cfg):
        own(self, cfg)
        self.transformer.h[0].register_forward_pre_hook(short)
    speed.GPT.__init__ = init
    sys.argv = ['speed', *args, '--out', str(W/'stream')]
    speed.main.cli()

def versions()->dict:
    "What it ran on"
    from gpt2_nb.work.device import cpu_name
    import torch
    card = torch.cuda.is_available()
    smi = '--query-gpu=name,driver_version,memory.total,power.limit'
    asked = shutil.which('nvidia-smi') and subprocess.run(
        ['nvidia-smi', smi, '--format=csv,noheader'], text=True,
        capture_output=True).stdout.strip()
    commit = Path('.gpu/commit')
    return dict(
        date=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        device=torch.cuda.get_device_name() if card else cpu_name(),
        nvidia_smi=asked, cpus=os.cpu_count(), python=platform.python_version(),
        torch=torch.__version__, cuda=torch.version.cuda,
        cudnn=torch.backends.cudnn.version(), tiny=TINY,
        commit=commit.read_text().strip() if commit.exists() else None)

def run(name, limit, command)->dict:
    "Run one part, and read what it measured"
    t0 = time.perf_counter()
    done = subprocess.run(['timeout', '-k', '20', str(limit), *command],
                          text=True, capture_output=True)
    text = done.stdout + done.stderr
    res = dict(command=' '.join(command), exit=done.returncode,
               seconds=round(time.perf_counter()-t0, 1),
               tail=[l[:300] for l in text.splitlines()[-12:]])
    return res | read(name, done.stdout, command)

def read(name, stdout, command)->dict:
    "A part's figures: its last line if that is JSON, and its run's log"
    res = {}
    last = stdout.strip().rpartition('\n')[2]
    if last.startswith('{'): res['result'] = json.loads(last)
    if '--out_dir' not in command: return res
    log = Path(command[command.index('--out_dir')+1])/'log.jsonl'
    if log.exists(): res |= read_log(log)
    return res

def read_log(log)->dict:
    "Losses and the median step of a run, the first three steps left out"
    rows = [json.loads(l) for l in log.read_text().splitlines()]
    steps = {r['step']: r for r in rows if 'loss' in r}
    if not steps: return {}
    res = dict(losses={str(k): r['loss'] for k,r in steps.items()},
               norms={str(k): r['norm'] for k,r in steps.items()},
               first_step_s=steps[min(steps)]['dt_ms']/1e3)
    timed = sorted((r for k,r in steps.items() if k > 2),
                   key=lambda r: r['dt_ms'])
    if timed: res |= {k: timed[len(timed)//2].get(k)
                      for k in ('dt_ms', 'tok_s', 'mfu', 'peak_gb')}
    seen = [{k: r[k] for k in ('step', 'val_loss', 'hellaswag') if k in r}
            for r in rows if 'val_loss' in r or 'hellaswag' in r]
    return res | dict(evaluations=seen)

def compare(got)->dict:
    "Losses of the run that was stopped beside those of the one that was not"
    a,b = (got.get(k, {}).get('losses') for k in ('train', 'resumed'))
    if not a or not b: return {}
    apart = [abs(a[k]-b[k]) for k in a if k in b] or [math.nan]
    return dict(steps=len(apart), equal=sum(d == 0 for d in apart),
                largest=max(apart))

def main(call):
    old = W/'gpu.json'
    wanted = os.environ.get('PARTS')
    more = (call == '2' or wanted) and old.exists()
    res = json.loads(old.read_text()) if more else {}
    res |= versions()
    got = res.setdefault('parts', {})
    for name,limit,command in parts(call):
        if wanted and name not in wanted.split(','): continue
        if TINY and name == 'stopped': limit = 14
        got[name] = run(name, 300 if TINY and name != 'stopped' else limit,
                        command)
        row = got[name]
        tok_s = row.get('tok_s') or 0
        print(f"{name:10} exit {row['exit']:3}, {row['seconds']:5.1f} s, "
              f"{tok_s:,.0f} tokens/s", row['tail'][-1:], flush=True)
        res['resume_against_whole'] = compare(got)
        for place in old, OUT/'gpu.json':
            place.write_text(json.dumps(res, indent=1)+'\n')

if __name__ == '__main__':
    what = sys.argv[1]
    if what == 'kernels': kernels()
    elif what == 'stream': stream(sys.argv[2:])
    else: main(what)
