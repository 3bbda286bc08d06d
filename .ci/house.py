"""The house: every module, and whom it imports, one line each; fails where an arrow points the wrong way.

Lecture modules import lecture modules of lower number, and the workshop. Workshop modules import workshop modules that stand
above them in `order`, never a lecture module. No notebook exports into a module of another."""
import ast, json, re, sys
from pathlib import Path

root = Path(__file__).parent.parent
order = 'files console device ranks tokenizer corpora shards prepare hellaswag runs settings journal muon exercises'.split()
errors = []

def module_of(path):
    "The module that a notebook exports, from its first cell, or None if it exports nothing"
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    code = [''.join(c['source']) for c in cells if c['cell_type'] == 'code']
    named = [m[1] for s in code if (m := re.match(r'#\| default_exp (\S+)', s))]
    exports = any(re.search(r'^#\| exports?\b', s, re.M) for s in code)
    for s in code:
        if re.search(r'^#\| exports?i? \S', s, re.M): errors.append(f'{path.name}: exports into another module')
    return named[0] if named and exports else None

def imports(path):
    "Modules of ours that a module imports, inside of functions too, as 'model' or 'work.files'"
    inside = path.relative_to(root/'gpt2_nb').parts[:-1]
    found = set()
    for n in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(n, ast.ImportFrom) and n.level:
            base = inside[:len(inside)+1-n.level]
            whole = not n.module or (root/'gpt2_nb'/'/'.join((*base, n.module))).is_dir()  # from .work import runs
            names = ['.'.join(filter(None, (n.module, a.name))) for a in n.names] if whole else [n.module]
            found |= {'.'.join((*base, m)) for m in names}
        elif isinstance(n, ast.ImportFrom) and (n.module or '').startswith('gpt2_nb'):
            names = [n.module] if n.module != 'gpt2_nb' else [f'gpt2_nb.{a.name}' for a in n.names]
            found |= {m.removeprefix('gpt2_nb.') for m in names}
        elif isinstance(n, ast.Import):
            found |= {a.name.removeprefix('gpt2_nb.') for a in n.names if a.name.startswith('gpt2_nb.')}
    return found

lecture = [m for p in sorted((root/'nbs').glob('[0-9]*.ipynb')) if (m := module_of(p))]
workshop = {m for p in sorted((root/'nbs/work').glob('*.ipynb')) if (m := module_of(p))}
if workshop != {f'work.{m}' for m in order}: errors.append(f'workshop pages and .ci/house.py differ: {sorted(workshop)}')
ranked = [f'work.{m}' for m in order] + lecture
there = {'.'.join(p.relative_to(root/'gpt2_nb').with_suffix('').parts) for p in (root/'gpt2_nb').rglob('*.py')
         if p.name not in ('__init__.py', '_modidx.py')}
if there != set(ranked): errors.append(f'modules without a notebook, or the other way round: {sorted(there ^ set(ranked))}')
for i,m in enumerate(ranked):
    if m not in there: continue
    used = sorted(imports(root/'gpt2_nb'/(m.replace('.', '/')+'.py')), key=lambda u: ranked.index(u) if u in ranked else 99)
    print(f"{m:16} ← {', '.join(used) or '–'}")
    for u in used:
        if u not in ranked[:i]: errors.append(f'{m} imports {u}, which does not stand above it')
if errors: sys.exit('\n'.join(errors))
