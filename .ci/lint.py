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
        plain = ''.join(o.get('text', '')) + ''.join(o.get('data', {}).get('text/plain', '') if len(o.get('data', {})) == 1 else '')
        widest = max(plain.splitlines(), key=len, default='')
        check(len(widest) <= 160, path, f'an output line of {len(widest)} columns, at most 160: break it where it is printed: {widest[:50]}…')
        found = re.search(r'<matplotlib\.|<Axes|\[Text\(', text_of(o)) if o['output_type'] == 'execute_result' else None
        check(not found, path, f'an output shows a plotting object; end its cell with ;: {found and found[0]}')
    for c,s in zip(cells, src):
        drawn = any('image/png' in o.get('data', {}) for o in c.get('outputs', []))
        check(not drawn or '#| fig-alt:' in s, path, f'a picture without alt text: {s.strip()[:50]!r}')
    for s in code:
        for line in s.splitlines():
            if line.startswith('#|'): continue
            check(len(line) <= 80, path, f'{len(line)} columns, at most 80: {line.strip()[:50]}…')

    open_fences = []
    for line in re.findall(r'^ *:::+.*$', re.sub(r'```.*?```', '', prose, flags=re.S), re.M):
        if '{' in line: open_fences.append(line)
        elif not open_fences: check(False, path, 'a ::: closes a callout that is not open')
        else: open_fences.pop()
    for line in open_fences: check(False, path, f'does not close: {line.strip()}')
    labels = set(re.findall(r'^#\| label: (\S+)', '\n'.join(code), re.M))
    for ref in re.findall(r'(?<![\w`])@((?:fig|tbl|sec|eq|lst)-[\w-]+)', prose):
        check(ref in labels or f'{{#{ref}' in prose, path, f'@{ref} has no figure')
    for s in code:
        if '#| label: fig-' in s:
            check('#| fig-cap:' in s and '#| fig-alt:' in s, path, 'a figure without caption or alt text')
    badges = path.name == 'index.ipynb'
    check(badges or not re.search(r'!\[[^\]]*\]\(\w+:', prose), path, 'a picture from another site')
    for target in re.findall(r'\]\(([^)#\s]+)', prose):
        if not re.match(r'\w+:', target):
            check((path.parent/target).exists(), path, f'links to {target}, which is not there')
    if path.name != 'index.ipynb':
        check(code and code[0].startswith('#| default_exp'), path, 'no default_exp in the first cell')
        check(re.search(r'^> ', prose, re.M), path, 'no subtitle')

if __name__ == '__main__':
    paths = sorted((root/'nbs').rglob('*.ipynb'))
    paths = [p for p in paths if '_proc' not in p.parts and '.ipynb_checkpoints' not in p.parts]
    for p in paths: lint(p)
    print(f'{len(paths)} notebooks')
    if errors: sys.exit('\n'.join(errors))
