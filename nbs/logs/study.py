"""Chapter 13's study, made again by one command, and gone on with where it was stopped:

    python nbs/logs/study.py --out nbs/logs/beyond.json

Each recipe is tuned on seed 0 (peak rate and warm-up, each the best with the other), then run with fresh seeds."""
import json, math, sys, time
from pathlib import Path
from statistics import mean
import numpy as np, torch
from tqdm import tqdm
from gpt2_nb.ddp import Dist
from gpt2_nb.evals import val_loss
from gpt2_nb.train import make_trainer
from gpt2_nb.work.console import Count, command, one_of
from gpt2_nb.work.files import replace_file
from gpt2_nb.work.settings import make_config
from gpt2_nb.work.shards import find_data

RECIPES = {
    'lecture': dict(optimizer='adamw', schedule='cosine', low=.1, at=[1.]),
    'fast': dict(optimizer='muon', schedule='wsd', low=0., at=[.4, .5, .6])}
RECIPES |= {
    'AdamW, plateau': RECIPES['fast'] | dict(optimizer='adamw', at=[.4]),
    'Muon, cosine': RECIPES['lecture'] | dict(optimizer='muon', at=[.4]),
    'Muon, qkv as one': RECIPES['fast'] | dict(pieces=1, at=[.4])}

SIZES = {
    'tiny': dict(preset='quickstart', n_layer=1, n_head=2, n_embd=64,
                 block_size=32, total_batch_tokens=512, device='cpu',
                 dtype='fp32', val_tokens=1024),
    'small': dict(preset='shakespeare', n_layer=4, n_head=4, n_embd=128,
                  block_size=64, total_batch_tokens=2048, device='cpu',
                  dtype='fp32'),
    '124m': dict(preset='gpt2-124m', total_batch_tokens=2**16,
                 val_tokens=2**20, hellaswag_every=0)}
LRS = {'tiny': (4e-3, 1.6e-2),
       'small': (2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2),
       '124m': (6e-4, 1.2e-3, 2.4e-3, 4.8e-3)}
WARM_UPS = .025,.05,.1,.2,.4,.8  # shares of a run

def settings(size, data, recipe, steps, lr, warm, seed):
    "The trainer's settings for a run"
    r = RECIPES[recipe]
    return make_config(**SIZES[size] | dict(
        data=str(data), optimizer=r['optimizer'], schedule=r['schedule'],
        max_lr=lr, min_lr=lr*r['low'], warmup_steps=round(warm*steps),
        max_steps=steps, seed=seed))

def one_run(
    size:str,    # one of `SIZES`
    data:str,    # folder of shards
    recipe:str,  # one of `RECIPES`
    steps:int,   # updates that the schedule is planned for
    lr:float,    # at the end of the warm-up
    warm:float,  # share of the steps that the warm-up takes
    seed:int,    # of weights and data order
    dist:Dist,   # entered
)->dict:         # val (nats per token), curve of (step, val), seconds
    "Train by a recipe, without writing anything"
    cfg = settings(size, data, recipe, steps, lr, warm, seed)
    run,curve,seconds = make_trainer(cfg, dist),[],0.
    for g in run.opt.param_groups:
        if 'pieces' in g: g['pieces'] = RECIPES[recipe].get(
            'pieces', g['pieces'])
    for step in tqdm(range(steps), recipe, leave=False, disable=None):
        t0 = time.perf_counter()
        try: run.step(step)
        except FloatingPointError: curve.append((step+1, math.inf)); break
        seconds += time.perf_counter()-t0
        if (step+1)%max(1, steps//4) == 0 or step+1 == steps:
            v = val_loss(run.model, run.data.val, run.data.enc, dist,
                         run.dtype, cfg.val_tokens)['loss']
            curve.append((step+1, round(v, 4)))
    return dict(val=curve[-1][1], curve=curve, seconds=round(seconds, 1))

def write_runs(file, what, rows):
    "Write a study's file, a run a line"
    text = json.dumps(what | dict(torch=torch.__version__, runs=rows))
    with replace_file(file) as f: f.write_text(
        text.replace('{"recipe"', '\n{"recipe"'))

def read_runs(
    file:Path,  # may be missing
    what:dict,  # size, data and steps of the study
)->list:        # its runs so far
    "Runs of a study's file; refuse another study's"
    if file.is_dir() or not file.parent.is_dir(): raise ValueError(
        f"--out {file}: expected a file, in a folder that is there")
    if not file.exists(): return []
    try:
        kept = json.loads(file.read_text())
        found,rows = {k: kept[k] for k in what},kept['runs']
    except (ValueError, KeyError, TypeError): found,rows = 'no study',[]
    if found != what: raise ValueError(
        f"--out {file}: holds {found}, expected {what}; give another --out")
    return rows

def kept_run(file, what, rows, dist, folder, say, **key):
    "A run's final loss: from the file, or made now and written there"
    found = [r for r in rows if r.items() >= key.items()]
    if found: return found[0]['val']
    r = key | one_run(what['size'], folder, dist=dist, **key)
    rows.append(r)
    if dist.is_main: write_runs(file, what, rows)
    say('{recipe}, {steps} steps, rate {lr:g}, warm-up {warm:g}, seed {seed}: '
        '{val:.4f} ({seconds:.0f} s)'.format(**r))
    return r['val']

def walk(grid, x, loss):
    "From x down the grid, to a value whose neighbours are both worse"
    i = grid.index(x)
    best = min(grid[max(0, i-1):i+2], key=loss)
    return x if best == x else walk(grid, best, loss)

def tuned(
    lrs:tuple,   # grid of peak rates
    lr:float,    # to start from
    warm:float,  # same
    loss,        # of a rate and a warm-up; may be asked twice
)->tuple:        # rate, warm-up
    "A rate and a warm-up that are each the best with the other"
    old = None
    while old != (lr, warm):
        old = lr,warm
        lr = walk(lrs, lr, lambda x: loss(x, warm))
        warm = walk(WARM_UPS, warm, lambda x: loss(lr, x))
    return lr, warm

def study(
    file:str,        # JSON; made, or gone on with
    size:str='small',
    data:str=None,   # shards, or 'shakespeare', 'pydocs' with a BPE of 1024
    steps:int=400,   # of the lecture's recipe
    seeds:int=3,
    say=print,       # called with a line for each run
)->list:             # of runs
    "Tune each recipe on seed 0, then run fresh seeds"
    folder = find_data(data or 'shakespeare', 1024)
    file,lrs = Path(file),LRS[size]
    what = dict(size=size, data=folder.name, steps=steps)
    rows,best = read_runs(file, what),{}
    write_runs(file, what, rows)
    with Dist(SIZES[size].get('device', 'auto')) as dist:
        for name,r in RECIPES.items():
            do = lambda share,lr,warm,seed: kept_run(
                file, what, rows, dist, folder, say, recipe=name,
                steps=round(share*steps), lr=lr, warm=warm, seed=seed)
            kin = best.get(r['optimizer'], (lrs[len(lrs)//2], .1))
            at = kin if 'pieces' in r else tuned(
                lrs, *kin, lambda *x: do(r['at'][0], *x, 0))
            best.setdefault(r['optimizer'], at)
            for share in r['at']:
                for seed in range(1, seeds+1): do(share, *at, seed)
    return rows

def finals(
    rows:list,  # of study
)->dict:        # (recipe, steps) -> final validation losses, one a fresh seed
    "Group the runs that were not made for tuning"
    res = {}
    for r in rows:
        if r['seed']: res.setdefault((r['recipe'], r['steps']), []).append(
            r['val'])
    return res

def steps_needed(
    rows:list,  # of study
)->tuple:       # the lecture's steps; the fast one's for each seed, or None
    "Where lines through the fast runs' ends meet the lecture's mean loss"
    vals = finals(rows)
    full = max(n for r,n in vals if r == 'lecture')
    at = sorted(n for r,n in vals if r == 'fast')
    goal = mean(vals['lecture', full])
    def cross(ends):
        low = np.minimum.accumulate(ends)[::-1]
        if goal >= low[0]: return round(np.interp(goal, low, at[::-1]))
    return full, [cross(e) for e in zip(*(vals['fast', n] for n in at))]

def table(
    rows:list,  # of study
)->str:
    "Final validation losses of the fresh seeds, by recipe and steps"
    tried = [r for r in rows if not r['seed']]
    edges = {k: [f(r[k] for r in tried) for f in (min, max)]
             for k in ('lr', 'warm')}
    def pace(o): return min(r['seconds']/r['steps'] for r in rows
                            if RECIPES[r['recipe']]['optimizer'] == o)
    lines = ['recipe            steps seconds   rate warm-up    mean  seeds']
    for (name,n),v in finals(rows).items():
        mine = [r for r in rows if (r['recipe'], r['steps']) == (name, n)]
        lr,warm = (f'{mine[-1][k]:g}'+'*'*(mine[-1][k] in edges[k])
                   for k in edges)
        seconds = n*pace(RECIPES[name]['optimizer'])
        lines.append(f'{name:17}{n:6}{seconds:8.0f}{lr:>7}{warm:>8}'
                     f'{mean(v):8.3f}  '+' '.join(f'{x:.3f}' for x in v))
    full,need = steps_needed(rows)
    return '\n'.join(lines + [
        f"steps of the fast recipe to the lecture's loss after {full}: "
        + ', '.join('not reached' if n is None else f'{n} ({n/full:.0%})'
                    for n in need)])

@command
def main(
    out:str='study.json',  # made, or gone on with
    size:one_of(*SIZES)='small',  # tiny, small, 124m
    data:str=None,         # folder of shards, shakespeare (default), pydocs
    steps:Count=400,       # of the lecture's recipe, at least 20
    seeds:Count=3,         # fresh ones, after tuning
):
    "Tune the lecture's recipe and the fast one, and compare them"
    try:
        if size == '124m' and not data: raise ValueError(
            "--size 124m needs --data: a folder of token shards")
        if steps < 20: raise ValueError(f"--steps {steps}: expected at least 20")
        rows = study(out, size, data, steps, seeds)
    except (ValueError, OSError) as e: sys.exit(f'study: {e}')
    print(table(rows))
    return rows

if __name__ == '__main__': main.cli()
