"What must hold of every notebook, and can be seen without running it"
import base64, json, re, sys
from pathlib import Path

root = Path(__file__).parent.parent
errors = []

def check(ok, path, what):
    if not ok: errors.append(f'{path.relative_to(root)}: {what}')

def outputs(cells):
    for cell in cells: yield from cell.get('outputs', [])

def text_of(output):
    data = output.get('data', {})
    return ''.join(output.get('text', '')) + ''.join(
        ''.join(v) for k,v in data.items() if k.startswith('text/'))

def lint(path):
    raw = path.read_text(encoding='utf-8')
    nb = json.loads(raw)
    cells = nb['cells']
    src = [''.join(c['source']) for c in cells]
    prose = '\n'.join(s for c,s in zip(cells, src) if c['cell_type'] == 'markdown')
    code = [s for c,s in zip(cells, src) if c['cell_type'] == 'code']

    check(len(raw.encode()) <= 300_000, path, f'{len(raw.encode())//1000} kB, at most 300')
    for o in outputs(cells):
        check(o['output_type'] != 'error', path, f"an output is an error: {o.get('evalue')}")
        png = len(base64.b64decode(''.join(o.get('data', {}).get('image/png', ''))))
        check(png <= 60_000, path, f'a picture of {png//1000} kB, at most 60')
        found = re.search(r'(?<![\w.])/(?:home|root|tmp|Users|work|var)/\S+', text_of(o))
        check(not found, path, f'an output names a path of one machine: {found and found[0]}')
    for s in code:
        for line in s.splitlines():
            if line.startswith('#|'): continue
            check(len(line) <= 80, path, f'{len(line)} columns, at most 80: {line.strip()[:50]}…')

    fences = re.findall(r'^:::.*$', prose, re.M)
    depth = 0
    for f in fences: depth += 1 if '{' in f else -1
    check(depth == 0, path, f'{depth} callout(s) do not close')
    labels = set(re.findall(r'^#\| label: (\S+)', '\n'.join(code), re.M))
    for ref in re.findall(r'(?<!\w)@(fig-[\w-]+)', prose):
        check(ref in labels, path, f'@{ref} has no figure')
    for s in code:
        if '#| label: fig-' in s:
            check('#| fig-cap:' in s and '#| fig-alt:' in s, path, 'a figure without caption or alt text')
    for target in re.findall(r'\]\(([^)#\s]+)', prose):
        if not re.match(r'\w+:', target):
            check((path.parent/target).exists(), path, f'links to {target}, which is not there')
    if path.name != 'index.ipynb':
        check(code and code[0].startswith('#| default_exp'), path, 'no default_exp in the first cell')
        check(re.search(r'^> ', prose, re.M), path, 'no subtitle')

if __name__ == '__main__':
    paths = sorted((root/'nbs').glob('*.ipynb'))
    for p in paths: lint(p)
    print(f'{len(paths)} notebooks')
    if errors: sys.exit('\n'.join(errors))
