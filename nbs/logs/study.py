"""Chapter 13's study, made by one command, and gone on with where it stopped:

    python nbs/logs/study.py --data shakespeare,pydocs --out study.json

Every recipe is tuned on seed 0, over the same grids of peak rate, warm-up,
length of the decay and weight decay: each value is the best while the others
stay. Then it runs with fresh seeds. `study.json` is its result."""
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
    'AdamW, plateau': dict(optimizer='adamw', schedule='wsd', low=0., at=[1.]),
    'fast': dict(optimizer='muon', schedule='wsd', low=0., at=[.4, .3, .5, .6])}
RECIPES |= {
    'AdamW, small batch': RECIPES['AdamW, plateau'] | dict(split=2),
    'Muon, cosine': RECIPES['lecture'] | dict(optimizer='muon', at=[.4]),
    'Muon, qkv as one': RECIPES['fast'] | dict(pieces=1, at=[.4])}

SIZES = {
    'tiny': dict(preset='quickstart-lecture', n_layer=1, n_head=2, n_embd=64,
                 block_size=32, total_batch_tokens=512, device='cpu',
                 dtype='fp32', val_tokens=1024),
    'small': dict(preset='shakespeare', n_layer=4, n_head=4, n_embd=128,
                  block_size=64, total_batch_tokens=2048, device='cpu',
                  dtype='fp32'),
    '124m': dict(preset='gpt2-124m', total_batch_tokens=2**16,
                 val_tokens=2**20, hellaswag_every=0)}
WARM_UPS = .0125,.025,.05,.1,.2,.4,.8  # shares of a run
full = dict(warm=WARM_UPS, decay=(.2, .45, .7, 1.),  # 1: linear to zero
            wd=(.025, .1, .4, 1.6))
GRIDS = {
    'tiny': dict(lr=(4e-3, 1.6e-2), warm=(.1, .2), decay=(.2, .7),
                 wd=(.1, .4)),
    'small': dict(lr=(2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2)) | full,
    '124m': dict(lr=(6e-4, 1.2e-3, 2.4e-3, 4.8e-3)) | full}
FIRST_FRESH = 4  # 1 to 3 had been seen when the grid of decays was chosen

def settings(size, data, recipe, steps, lr, warm, seed, decay=.2, wd=.1):
    "The trainer's settings for a run"
    r,shape = RECIPES[recipe],SIZES[size]
    n = r.get('split', 1)  # updates that share the tokens of one step
    default = make_config(**shape | dict(data=str(data)))
    return make_config(**shape | dict(
        data=str(data), optimizer=r['optimizer'], schedule=r['schedule'],
        max_lr=lr, min_lr=lr*r['low'], warmup_steps=round(warm*steps*n),
        max_steps=steps*n, seed=seed, decay_frac=decay, weight_decay=wd,
        total_batch_tokens=default.total_batch_tokens//n))

def one_run(
    size:str,    # one of `SIZES`
    data:str,    # folder of shards
    recipe:str,  # one of `RECIPES`
    steps:int,   # that the schedule is planned for
    lr:float,    # at the end of the warm-up
    warm:float,  # share of the steps that the warm-up takes
    seed:int,    # of weights and data order
    dist:Dist,   # entered
    decay:float=.2,  # share of the steps in which a plateau comes down
    wd:float=.1,     # weight decay
)->dict:         # val (nats per token), curve of (step, val), seconds
    "Train by a recipe, without writing anything"
    cfg = settings(size, data, recipe, steps, lr, warm, seed, decay, wd)
    run,curve,seconds = make_trainer(cfg, dist),[],0.
    for g in run.opt.param_groups:
        if 'pieces' in g: g['pieces'] = RECIPES[recipe].get(
            'pieces', g['pieces'])
    n = cfg.max_steps
    for step in tqdm(range(n), recipe, leave=False, disable=None):
        t0 = time.perf_counter()
        try: run.step(step)
        except FloatingPointError: curve.append((step+1, math.inf)); break
        seconds += time.perf_counter()-t0
        if (step+1)%max(1, n//4) == 0 or step+1 == n:
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
    what:dict,  # version, size and steps of the study
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
    own = {k: v for k,v in key.items() if k != 'data'}
    if own['decay'] is None: own['decay'] = .2  # a cosine has no use for it
    r = key | one_run(what['size'], folder, dist=dist, **own)
    rows.append(r)
    if dist.is_main: write_runs(file, what, rows)
    say('{recipe}, {steps} steps, rate {lr:g}, warm-up {warm:g}, '
        'decay {decay}, weight decay {wd:g}, seed {seed}: {val:.4f} '
        '({seconds:.0f} s)'
        .format(**r))
    return r['val']

def walk(grid, x, loss):
    "From x along the grid, to a value whose neighbours are both worse"
    i = grid.index(x)
    best = min(grid[max(0, i-1):i+2], key=loss)
    return x if best == x else walk(grid, best, loss)

def tuned(
    grids:dict,  # name of a setting -> its values, in order
    start:dict,  # a value of each; what has no grid stays
    loss,        # of the settings by name; may be asked twice
)->dict:
    "Settings that are each the best while the others stay"
    at,old = start,None
    while at != old:
        old = at
        for k,grid in grids.items():
            def along(x): return loss(**at | {k: x})
            at = at | {k: walk(grid, at[k], along)}
    return at

def study(
    file:str,        # JSON; made, or gone on with
    size:str='small',
    data:str='shakespeare',  # or pydocs, with a BPE of 1024; or shards
    steps:int=400,   # of the lecture's recipe
    seeds:int=3,
    say=print,       # called with a line for each run
    recipes:tuple=tuple(RECIPES),
)->list:             # of the runs on this corpus
    "Tune each recipe on seed 0, then run fresh seeds"
    folder = find_data(data, 1024)
    file,grids = Path(file),GRIDS[size]
    what = dict(study=2, size=size, steps=steps)
    rows,best = read_runs(file, what),{}
    write_runs(file, what, rows)
    middle = dict(lr=grids['lr'][1], warm=.2, wd=.1)
    with Dist(SIZES[size].get('device', 'auto')) as dist:
        for name in recipes:
            r = RECIPES[name]
            def do(share, seed, **at): return kept_run(
                file, what, rows, dist, folder, say, recipe=name,
                data=folder.name, steps=round(share*steps), seed=seed, **at)
            def tuning_loss(**at): return do(r['at'][0], 0, **at)
            kin = best.get(r['optimizer'], middle)
            if r['schedule'] == 'cosine': start = kin | dict(decay=None)
            else: start = kin | dict(decay=kin.get('decay') or .2)
            free = {k: g for k,g in grids.items() if start[k] is not None}
            at = start if 'pieces' in r else tuned(free, start, tuning_loss)
            if best.get(r['optimizer'], {}).get('decay') is None:
                best[r['optimizer']] = at
            for share in r['at']:
                for seed in range(seeds): do(share, FIRST_FRESH+seed, **at)
    return [r for r in rows if r['data'] == folder.name]

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
    rows:list,         # of study
    base:str='lecture',
)->tuple:              # its steps; the fast one's for each seed, or None
    "Where lines through the fast runs' ends meet the mean loss of `base`"
    vals = finals(rows)
    full = max(n for r,n in vals if r == base)
    at = sorted(n for r,n in vals if r == 'fast')
    goal = mean(vals[base, full])
    def cross(ends):
        low = np.minimum.accumulate(ends)[::-1]
        if goal >= low[0]: return round(np.interp(goal, low, at[::-1]))
    return full, [cross(e) for e in zip(*(vals['fast', n] for n in at))]

NAMES = dict(lr='rate', warm='warm-up', decay='decay', wd='w. decay')

def table(
    rows:list,  # of study
)->str:
    "Final validation losses of the fresh seeds, by recipe and steps"
    keys = [k for k in NAMES if k in rows[0]]
    tried = [r for r in rows if not r['seed']]
    seen = {k: [r[k] for r in tried if r[k] is not None] for k in keys}
    def cell(r, k):
        if r[k] is None: return f'{"-":>9}'
        edge = r[k] in (min(seen[k]), max(seen[k]))
        return f'{r[k]:g}{"*"*edge}'.rjust(9)
    def kind(name):
        return [RECIPES[name].get(k) for k in ('optimizer', 'split')]
    def pace(name): return min(r['seconds']/r['steps'] for r in rows
                               if kind(r['recipe']) == kind(name))
    lines = [f'{"recipe":19}steps seconds'
             + ''.join(f'{NAMES[k]:>9}' for k in keys) + '    mean  seeds']
    for (name,n),v in finals(rows).items():
        mine = [r for r in rows if (r['recipe'], r['steps']) == (name, n)]
        seconds = n*pace(name)
        lines.append(f'{name:19}{n:5}{seconds:8.0f}'
                     + ''.join(cell(mine[-1], k) for k in keys)
                     + f'{mean(v):8.3f}  '+' '.join(f'{x:.3f}' for x in v))
    for base in ('lecture', 'AdamW, plateau', 'AdamW, small batch'):
        if (base, max(r['steps'] for r in rows)) not in finals(rows): continue
        full,need = steps_needed(rows, base)
        lines.append(
            f"steps of the fast recipe to the end of '{base}' after {full}: "
            + ', '.join('not reached' if n is None else f'{n} ({n/full:.0%})'
                        for n in need))
    return '\n'.join(lines)

@command
def main(
    out:str='study.json',  # made, or gone on with
    size:one_of(*SIZES)='small',  # tiny, small, 124m
    data:str='shakespeare,pydocs',  # corpora: these, or folders of shards
    steps:Count=400,       # of the lecture's recipe, at least 20
    seeds:Count=3,         # fresh ones, after tuning
):
    "Tune the lecture's recipe and others alike, and compare them"
    try:
        if size == '124m' and data == 'shakespeare,pydocs': raise ValueError(
            "--size 124m needs --data: folders of token shards")
        if steps < 20: raise ValueError(
            f"--steps {steps}: expected at least 20")
        for name in data.split(','):
            rows = study(out, size, name, steps, seeds)
            print(f'\n{name}', table(rows), sep='\n')
    except (ValueError, OSError) as e: sys.exit(f'study: {e}')
    return rows

if __name__ == '__main__': main.cli()
