"Called by gpu.sh: run the parts of one call, and gather them into gpu.json"
import json, os, platform, re, shutil, subprocess, sys, time
from datetime import datetime, timezone
from pathlib import Path

OUT,W = Path(os.environ['OUT']),Path(os.environ['W'])
DATA = '.gpu/shards'
TINY = bool(os.environ.get('TINY'))
SECONDS = {'1': 375, '2': 390}  # of a call: within thirteen minutes
GRACE = 15  # seconds from SIGTERM to SIGKILL
SMALL = '''--n_layer 1 --n_head 2 --n_embd 32 --block_size 64
 --total_batch_tokens 512 --micro_batch 4 --val_tokens 2048
 --hellaswag_every 0'''.split()
ONCE = '''--eval_every 999 --sample_every 0 --hellaswag_every 0
 --checkpoint_every 999 --val_tokens 1024 --log_every 1'''.split()
LONG = '''--max_steps 20 --val_tokens 1048576 --eval_every 10
 --hellaswag_every 10 --sample_every 20 --log_every 1
 --checkpoint_every'''.split()
CODES = dict(stopped=143, too_big=1)  # exit codes that are right
AGAIN = 'resumed', 'again'            # go on in the folder of `stopped`

def module(name, *args): return [sys.executable, '-m', name, *args]

def train(name, *flags, preset='gpt2-124m', ranks=()):
    launch = module(*ranks, 'gpt2_nb.train') if ranks else \
        module('gpt2_nb.train')
    return [*launch, '--preset', preset, '--data', DATA,
            '--out_dir', str(W/name), *flags, *(SMALL if TINY else [])]

def short(name, steps, *flags, **kwargs):
    return train(name, *ONCE, '--max_steps', str(steps), *flags, **kwargs)

def ladder(name, rungs):
    size = '--model gpt2 --micro_batch 64 --seq_len 1024'
    if TINY: size = '--model mini --micro_batch 1 --seq_len 32'
    return module('gpt2_nb.speed', '--out', str(W/name), *size.split(),
                  '--rungs', rungs)

def parts(call:str, cuda:bool)->list:
    "Name, limit in seconds, command; they add up to 360 and, but for one, 375"
    here = [sys.executable, __file__]
    ranks = ('torch.distributed.run', '--standalone',
             f'--nproc_per_node={1 if cuda else 2}', '-m')
    exact = train('stopped', *LONG, '5', '--deterministic')
    evals = module('gpt2_nb.evals', '--model', str(W/'train'), '--json',
                   '--task', 'hellaswag', *(['--limit', '20']*TINY))
    if call == '1': return [
        ('speed', 90, ladder('speed', 'chunked')),  # as the trainer does it
        ('kernels', 40, [*here, 'kernels']),
        ('train', 125, train('train', *LONG, '10')),
        ('beside', 105, ladder('beside', 'stream,flash2,FA3' if cuda
                               else 'sdpa,bf16'))]
    return [
        ('stopped', 65, [*here, 'stop', *exact]),
        ('resumed', 45, exact),
        ('again', 35, [*here, 'again', *exact]),
        ('ddp', 45, short('ddp', 6, ranks=ranks)),
        ('fsdp', 40, short('fsdp', 6, '--shard', ranks=ranks)),
        ('muon', 40, short('muon', 8, preset='gpt2-124m-fast')),
        ('fp16', 35, short('fp16', 6, '--dtype', 'fp16')),
        ('hellaswag', 25, evals),
        ('too_big', 20, too_big()),
        ('dry_run', 25, train('dry', '--dry_run', '--hellaswag_every', '0')),
        ('autotune', 120, ladder('autotune', 'autotune' if cuda
                                 else 'fused'))]  # in what time is left

def too_big()->list:
    "A micro-batch that no card holds; in a rehearsal, a model over a ulimit"
    if not TINY: return short('o', 1, '--micro_batch', '512', '--compile', 'no')
    return ['bash', '-c', 'ulimit -v 4000000; exec "$@"', 'limit',
            *short('o', 1), '--n_embd', '8192']

def stop(command):
    "Start a run, and end it by SIGTERM in its seventh step"
    log = Path(command[command.index('--out_dir')+1])/'log.jsonl'
    run = subprocess.Popen(command)
    def far(): return log.exists() and '"step": 5, "loss"' in log.read_text()
    while run.poll() is None and not far(): time.sleep(.1)
    t0 = time.perf_counter()
    run.terminate()
    code = run.wait()
    print(json.dumps(dict(seconds_to_stop=time.perf_counter()-t0)))
    sys.exit(code)

def again(command):
    "Train the end of a run a second time, from its last checkpoint but one"
    from gpt2_nb.work.runs import checkpoints
    folder = command[command.index('--out_dir')+1]
    shutil.rmtree(checkpoints(folder)[-1])
    os.execv(command[0], command)

def kernels():
    "Milliseconds of a step by kernel, and how often, as the trainer does it"
    from torch.autograd import DeviceType
    from torch.profiler import profile
    from gpt2_nb import speed
    dev = speed.pick_device()
    cfg = speed.GPTConfig(**speed.SHAPES['mini' if TINY else 'gpt2'])
    B,T = (1, 32) if TINY else (64, 1024)
    speed.settle_memory(dev)
    step = speed.make_step(speed.ladder(dev.type)['chunked'], cfg, B, T, dev)
    for _ in range(3): step()
    speed.sync(dev)
    n = 2 if TINY else 5
    with profile() as p:
        for _ in range(n): step()
        speed.sync(dev)
    cuda = dev.type == 'cuda'
    kind,key = (DeviceType.CUDA, 'self_device_time_total') if cuda \
        else (DeviceType.CPU, 'self_cpu_time_total')
    rows = [(getattr(r, key)/1e3/n, r) for r in p.key_averages()
            if r.device_type == kind
            and not getattr(r, 'is_user_annotation', False)]
    rows.sort(key=lambda row: -row[0])
    print(json.dumps({r.key[:120]: [round(ms, 3), r.count/n]
                      for ms,r in rows if ms > .001}))

def versions():
    "Print what it runs on, in a process that ends: a GPU costs memory"
    from gpt2_nb.work.device import cpu_name
    import torch
    card = torch.cuda.is_available()
    smi = '--query-gpu=name,driver_version,memory.total,power.limit'
    asked = shutil.which('nvidia-smi') and subprocess.run(
        ['nvidia-smi', smi, '--format=csv,noheader'], text=True,
        capture_output=True).stdout.strip()
    commit = Path('.gpu/commit')
    print(json.dumps(dict(
        what='REHEARSAL on tiny sizes, no measurement' if TINY
             else 'one run of .ci/gpu.sh',
        date=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        device=torch.cuda.get_device_name() if card else cpu_name(),
        nvidia_smi=asked, cpus=os.cpu_count(), python=platform.python_version(),
        torch=torch.__version__, cuda=torch.version.cuda,
        cudnn=torch.backends.cudnn.version(), card=card, tiny=TINY,
        commit=commit.read_text().strip() if commit.exists() else None)))

def run(name, limit, command)->dict:
    "Run one part, and read what it measured, however it ended"
    if name not in AGAIN: shutil.rmtree(W/name, ignore_errors=True)
    t0 = time.perf_counter()
    said = [W/f'{name}.{kind}' for kind in ('out', 'err')]
    with open(said[0], 'w') as out, open(said[1], 'w') as err:
        code = subprocess.run(
            ['timeout', '-k', str(GRACE), str(round(limit)), *command],
            stdout=out, stderr=err).returncode
    seconds = round(time.perf_counter()-t0, 1)
    texts = [plain(f.read_text(errors='replace')) for f in said]
    res = dict(command=plain(' '.join(command)), exit=code,
               ok=code == CODES.get(name, 0), seconds=seconds,
               tail=[l[:300] for l in ''.join(texts).splitlines()[-12:]])
    try: return res | read(texts[0], command)
    except Exception as e: return res | dict(unread=f'{type(e).__name__}: {e}')

def plain(text):
    "Text without this machine's paths"
    for path,name in ((W, 'runs'), (sys.executable, 'python'),
                      (Path.cwd(), '.')): text = text.replace(str(path), name)
    return text

def read(out, command)->dict:
    "A part's figures: its last line if that is JSON, its files, and its log"
    res = {}
    last = out.strip().rpartition('\n')[2]
    if last.startswith('{'): res['result'] = json.loads(last)
    if found := re.search(r'memory  ([\d,]+) MB a rank', out):
        res['memory_mb'] = int(found[1].replace(',', ''))
    for flag,name in ('--out', 'speed.json'), ('--out_dir', 'log.jsonl'):
        if flag not in command: continue
        file = Path(command[command.index(flag)+1])/name
        if not file.exists(): continue
        if name == 'speed.json': res['result'] = json.loads(file.read_text())
        else: res |= figures(file)
    return res

def figures(log)->dict:
    "Losses and the median step of a run, each start's first two left out"
    from gpt2_nb.work.runs import read_log
    rows = read_log(log, skip=True)
    steps = {r['step']: r for r in rows if 'loss' in r}
    start = max([r['resumed'] for r in rows if 'resumed' in r], default=0)
    res = dict(start=start, losses={str(k): r['loss'] for k,r in steps.items()},
               norms={str(k): r['norm'] for k,r in steps.items()
                      if 'norm' in r},
               skipped=sum('skipped' in r for r in rows),
               evaluations=[{k: v for k,v in r.items() if k != 'train_loss'}
                            for r in rows if 'val_loss' in r
                            or 'hellaswag' in r])
    timed = sorted((r for k,r in steps.items() if k > start+1),
                   key=lambda r: r['dt_ms'])
    if start in steps: res['first_step_s'] = steps[start]['dt_ms']/1e3
    if timed: res |= {k: timed[len(timed)//2].get(k)
                      for k in ('dt_ms', 'tok_s', 'mfu', 'peak_gb')}
    return res

def compare(got, a, b)->dict:
    "Losses of two runs, where both have taken the step themselves"
    a,b = got.get(a, {}),got.get(b, {})
    both = [k for k in a.get('losses', {}) if k in b.get('losses', {})
            and int(k) >= b['start']]
    apart = [abs(a['losses'][k]-b['losses'][k]) for k in both]
    return dict(steps=len(apart), equal=sum(d == 0 for d in apart),
                largest=max(apart, default=None))

def main(call):
    end = time.monotonic()+SECONDS[call]
    wanted = os.environ.get('PARTS')
    old = W/'gpu.json'
    more = (call == '2' or wanted) and old.exists()
    res = json.loads(old.read_text()) if more else {}
    asked = subprocess.run([sys.executable, __file__, 'versions'],
                           stdout=subprocess.PIPE, text=True, check=True)
    res |= json.loads(asked.stdout)
    got = res.setdefault('parts', {})
    for name,limit,command in parts(call, res['card']):
        if wanted and name not in wanted.split(','): continue
        if TINY: limit = 600
        else: limit = min(limit, end-GRACE-time.monotonic())
        if limit < 15: got[name] = dict(exit=None, ok=False, seconds=0,
                                        tail=['no time was left for it'])
        else: got[name] = run(name, limit, command)
        row = got[name]
        print(f"{name:10} {'ok    ' if row['ok'] else 'FAILED'} exit "
              f"{row['exit']}, {row['seconds']:5.1f} s, "
              f"{row.get('tok_s') or 0:,.0f} tokens/s", row['tail'][-1:],
              flush=True)
        res['exact_resume'] = compare(got, 'resumed', 'again')
        res['deterministic_against_plain'] = compare(got, 'train', 'resumed')
        for place in old, OUT/'gpu.json':
            place.write_text(json.dumps(res, indent=1)+'\n')

if __name__ == '__main__':
    what,*rest = sys.argv[1:]
    if what == 'kernels': kernels()
    elif what == 'versions': versions()
    elif what == 'stop': stop(rest)
    elif what == 'again': again(rest)
    else: main(what)
