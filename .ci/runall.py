"""Every notebook as "Run all" of a plain Jupyter runs it: runall.py [-j N] [PAGE...]

Every cell, whatever its flags; in a folder elsewhere, with an empty home and cache, no data and no network. PAGE is the beginning of a name
(04, faults); without any, all pages. What may take longer than a reader waits must ask in the open, in the cell."""
import argparse, os, sys, tempfile, time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

nbs = Path(__file__).parent.parent/'nbs'
guard = '''
import socket
look_up = socket.getaddrinfo
def only_here(host, *args, **kwargs):
    near = None, '', '0.0.0.0', '::', '::1', 'localhost', socket.gethostname()
    name = host.decode() if isinstance(host, bytes) else host
    if name in near or str(name).startswith('127.'): return look_up(host, *args, **kwargs)
    raise socket.gaierror(socket.EAI_AGAIN, f'no network in this test, so no {name}')
socket.getaddrinfo = only_here
'''

def pages(names):
    "The notebooks whose names begin so, in the order of the site"
    found = sorted(nbs.glob('*.ipynb'))+sorted(nbs.glob('work/*.ipynb'))
    for n in names:
        if not any(p.name.startswith(n) for p in found): sys.exit(f'no page begins with {n}')
    return [p for p in found if not names or p.name.startswith(tuple(names))]

def seconds(cell):
    "What a cell took, by the kernel's own clock"
    times = cell.metadata.get('execution', {})
    clock = lambda key: time.mktime(time.strptime(times[key][:19], '%Y-%m-%dT%H:%M:%S'))
    return clock('shell.execute_reply')-clock('iopub.execute_input') if 'shell.execute_reply' in times else 0

def run(path):
    "Run one notebook; its name, what it took, its slowest cell and what went wrong"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as d:
        for name in ('home', 'elsewhere', 'guard'): (Path(d)/name).mkdir()
        (Path(d)/'guard/sitecustomize.py').write_text(guard, encoding='utf-8')
        ours = 'GPT2_NB_', 'TIKTOKEN_', 'HF_', 'XDG_'
        env = {k: v for k,v in os.environ.items() if not k.startswith(ours)}
        env |= dict(HOME=f'{d}/home', PYTHONPATH=os.pathsep.join(filter(None, (f'{d}/guard', os.getenv('PYTHONPATH')))))
        nb = nbformat.read(path, 4)
        t0,wrong = time.time(),''
        client = NotebookClient(nb, timeout=1200, kernel_name='python3', resources={'metadata': {'path': f'{d}/elsewhere'}})
        try: client.execute(env=env)
        except CellExecutionError as e:
            at = next(i for i,c in enumerate(nb.cells) if any(o.output_type == 'error' for o in c.get('outputs', [])))
            wrong = f'cell {at}: {nb.cells[at].source[:200]}\n{e.ename}: {e.evalue[-500:]}'
        except Exception as e: wrong = f'{type(e).__name__}: {str(e)[-500:]}'
        slowest = max(range(len(nb.cells)), key=lambda i: seconds(nb.cells[i]))
        return path.name, time.time()-t0, slowest, seconds(nb.cells[slowest]), wrong

if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('-j', type=int, default=2, help='notebooks at a time')
    parser.add_argument('pages', nargs='*', metavar='PAGE')
    args = parser.parse_args()
    failed = []
    print(f"{'page':22} {'s':>5}  slowest cell")
    with ProcessPoolExecutor(args.j) as pool:
        for name,took,slowest,at_most,wrong in pool.map(run, pages(args.pages)):
            print(f"{name:22} {took:5.0f}  {at_most:4.0f} s in {slowest:3}  {'FAILED '+wrong if wrong else 'passed'}", flush=True)
            if wrong: failed.append(name)
    if failed: sys.exit(f"failed: {', '.join(failed)}")
