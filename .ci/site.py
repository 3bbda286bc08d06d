"""What can be known of the website without Quarto: nbdev's half of the build, and every link and anchor in what it makes

`site.py _docs` looks at the other half, what Quarto has built, in the same way."""
import json, os, re, shutil, subprocess, sys, tempfile, warnings
from pathlib import Path

root = Path(__file__).parent.parent
sys.path.insert(0, str(root/'.ci'))  # settings.ini names the processors there
errors = []

def check(ok, where, what):
    if not ok: errors.append(f'{where}: {what}')

def notebooks(folder):
    "All pages below a folder, in order"
    return [p for p in sorted(folder.rglob('*.ipynb')) if not any(part[0] in '._' for part in p.relative_to(folder).parts)]

def process(to):
    "Run nbdev's half of `nbdev_docs` in a copy of the repository; return the folder that it hands to Quarto"
    from nbdev.quarto import refresh_quarto_yml
    from nbdev.serve import proc_nbs
    (to/'nbs/nbdev.yml').unlink(missing_ok=True)
    refresh_quarto_yml()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always')
        try: made = proc_nbs.__wrapped__(n_workers=0, force=True) if hasattr(proc_nbs, '__wrapped__') else proc_nbs(n_workers=0, force=True)
        except Exception as e: sys.exit(f'nbdev cannot make its pages: {type(e).__name__} {e}')
    for w in seen:
        if 'Found cells' in str(w.message): check(False, 'nbdev', w.message)
    return made

def copy_to(to):
    "The files of the working tree that git knows or would take"
    names = subprocess.run(['git', 'ls-files', '-coz', '--exclude-standard'], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split('\0')):
        if not (root/name).exists(): continue  # removed, not yet committed
        (to/name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root/name, to/name, follow_symlinks=False)

def anchor(heading):
    "Pandoc's identifier of a heading"
    text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading).lower()
    text = re.sub(r'[^\w\s.-]', '', text)
    return re.sub(r'^[^a-z]+', '', re.sub(r'\s+', '-', text.strip()))

def prose(path):
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return '\n'.join(''.join(c['source']) for c in cells if c['cell_type'] in ('markdown', 'raw'))

def notebook_of(folder, name):
    "The notebook that becomes a page: ../model.html is made from ../01_model.ipynb; other names as they are"
    stem = Path(name).name.removesuffix('.html')
    made = [p for p in (folder/name).parent.glob(f'*{stem}.ipynb') if re.sub(r'^\d+_', '', p.stem) == stem] if name.endswith('.html') else []
    return f'{Path(name).parent}/{made[0].name}' if made else name

def check_page(to, path, pages):
    text = prose(path)
    here = path.relative_to(to).parent
    front = re.match(r'---\n(.*?)\n---', text, re.S)
    for key in ('title', 'description'):
        check(front and re.search(fr'^{key}: *\S', front[1], re.M), path.name, f'no {key} in the front matter')
    plain = re.sub(r'```.*?```|`[^`\n]*`', '', text, flags=re.S)
    for inner in re.findall(r'\[[^\[\]]*\[`([^`]*)`\]\([^)]*\)[^\[\]]*\]\(', text):
        check(False, path.name, f'nbdev makes a link of {inner} inside of a link: take the backticks or the link away')
    for tag in re.findall(r'<img[^>]*>', plain): check('alt=' in tag, path.name, f'{tag[:60]} has no alt text')
    for alt,target in re.findall(r'(!?\[[^\]]*)\]\(([^)\s]+)', plain):
        if re.match(r'\w+:', target): continue
        name,_,part = target.partition('#')
        name = notebook_of(path.parent, name)
        check(not alt.startswith('![') or len(alt) > 2, path.name, f'{target} has no caption or alt text')
        check(not name or (path.parent/name).exists(), path.name, f'links to {name}, which nbdev does not hand to Quarto')
        full = os.path.normpath(here/name) if name else str(path.relative_to(to))
        there = pages.get(full, '')
        ids = {anchor(h) for h in re.findall(r'^#+ (.*?)(?: *\{.*\})?$', there, re.M)}
        check(not part or part in ids, path.name, f'links to {target}; anchors there: {sorted(ids)}')

def check_signatures(path):
    "nbdev makes links of names in backticks, in the comments of a signature too, where the page shows their markup"
    for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
        for o in cell.get('outputs', []):
            for code in re.findall(r'```python\n(.*?)```', ''.join(o.get('data', {}).get('text/markdown', '')), re.S):
                for name in re.findall(r'\[`([^`]*)`\]\(http', code):
                    check(False, path.name, f'{"".join(cell["source"]).splitlines()[-1]}: take the backticks from {name}')

def check_yaml(made):
    "Quarto reads both files; and each notebook has its place in the sidebar"
    import yaml
    try: yaml.safe_load((made.parent/'nbs/nbdev.yml').read_text(encoding='utf-8'))
    except yaml.YAMLError as e: check(False, 'nbdev.yml', str(e))
    def files(x):
        if isinstance(x, dict): x = x.values()
        if isinstance(x, str): x = [] if not x.endswith('.ipynb') else [x]; yield from x
        else:
            for v in x or []: yield from files(v)
    site = yaml.safe_load((root/'_quarto.yml').read_text(encoding='utf-8'))
    listed = set(files(site['website']['sidebar']['contents']))
    there_paths = notebooks(root/'nbs')
    there = {p.relative_to(root/'nbs').as_posix() for p in there_paths}
    check(listed == there, '_quarto.yml', f'the sidebar and nbs/ differ in {sorted(listed ^ there)}')
    web,html = site['website'],site['format']['html']
    for name in [*site['project']['resources'], web['favicon'], web['image'], html['css']]:
        check((made/name).exists(), '_quarto.yml', f'names {name}, which nbdev does not hand to Quarto')
    # Each was seen to break the build, or to break it in a reader's browser (Quarto 1.7.32)
    check(html.get('keep-md') is True, '_quarto.yml', 'format: html: keep-md: true, or Quarto deletes what nbdev renames')
    check(html.get('respect-user-color-scheme') is True, '_quarto.yml', 'format: html: respect-user-color-scheme: true')
    check('gfm' in site['format'] and 'commonmark' not in site['format'], '_quarto.yml', 'gfm in place of commonmark, which warns at each figure and formula')
    linked = set(re.findall(r'\]\(([\w/]+)\.html\.md\)', (root/'nbs/llms.txt').read_text(encoding='utf-8')))
    index = prose(root/'nbs/index.ipynb')
    llms = (root/'nbs/llms.txt').read_text(encoding='utf-8')
    for path in sorted((root/'nbs').glob('[0-9]*.ipynb')):  # one name everywhere
        title = re.search(r'^# (.*)', prose(path), re.M)[1]
        check(f'[{title}](' in index, 'index.ipynb', f'{path.name} is called {title!r} on its own page')
        check(f'[{title}](' in llms, 'llms.txt', f'{path.name} is called {title!r} on its own page')
    pages = {re.sub(r'(^|/)\d+_', r'\1', n.removesuffix('.ipynb')) for n in there}
    check(linked == pages, 'llms.txt', f'the list of pages and nbs/ differ in {sorted(linked ^ pages)}')

def check_own(to):
    "nbdev's links to definitions: each has its heading, which show_doc makes"
    from nbdev.config import get_config
    own = get_config().doc_host+get_config().doc_baseurl
    text,ids = {},{}
    for p in notebooks(to):
        cells = json.loads(p.read_text(encoding='utf-8'))['cells']
        made = '\n'.join(''.join(o.get('data', {}).get('text/markdown', '')) for c in cells for o in c.get('outputs', []))
        text[p] = prose(p)+'\n'+made
        at = (p.relative_to(to).parent/re.sub(r'^\d+_', '', p.stem)).as_posix()+'.html'
        ids[at] = {anchor(h.replace('\\', '')) for h in re.findall(r'^#+ +(.*)', text[p], re.M)}
    for p,t in text.items():
        for page,part in re.findall(re.escape(own)+r'/([\w/]+\.html)#([^)\s"]+)\)', t):
            check(part in ids.get(page, ()), p.name, f'links to {page}#{part}, which no page has: write the name without backticks')

def check_site(to):
    pages = {p.relative_to(to).as_posix(): prose(p) for p in notebooks(to)}
    for name in pages: check_page(to, to/name, pages); check_signatures(to/name)
    check_own(to)
    check_yaml(to)
    print(f'{len(pages)} pages')

def check_built(docs):
    "Every relative link, picture, script and anchor of what Quarto has made, HTML and Markdown alike"
    texts = {p: p.read_text(encoding='utf-8') for p in sorted([*docs.rglob('*.html'), *docs.rglob('*.html.md')])}
    ids = {p: set(re.findall(r'\b(?:id|name)="([^"]+)"', t)) for p,t in texts.items()}
    check(docs/'index.html' in texts and docs/'index.html.md' in texts, docs, 'no index.html, or no index.html.md')
    for path,text in texts.items():
        found = re.findall(r'\]\(([^)\s]+)', re.sub(r'```.*?```|`[^`\n]*`', '', text, flags=re.S)) if path.suffix == '.md' else \
            re.findall(r'\b(?:href|src)="([^"]+)"', re.sub(r'<(script|pre)\b.*?</\1>', lambda m: m[0].split('>')[0] if m[1] == 'script' else '', text, flags=re.S))
        for target in found:
            if re.match(r'[\w+]+:|//', target) or path.name == '404.html': continue
            name,_,part = target.partition('#')
            there = Path(os.path.normpath(path.parent/name.split('?')[0])) if name else path
            if there.is_dir(): there = there/'index.html'
            check(there.exists(), path.relative_to(docs), f'links to {target}, which is not there')
            if part and path.suffix == '.html' and there in ids:
                check(part in ids[there], path.relative_to(docs), f'links to {target}, an anchor that is not there')
        for tag in re.findall(r'<script[^>]*\bsrc="(?:https?:)?//[^>]*>', text): check(False, path.relative_to(docs), f'a script from elsewhere: {tag}')
    print(f'{len(texts)} files')

if __name__ == '__main__':
    if len(sys.argv) > 1:
        check_built(Path(sys.argv[1]))
        sys.exit('\n'.join(errors))
    with tempfile.TemporaryDirectory() as to:
        copy_to(Path(to))
        os.chdir(to)  # before nbdev reads settings.ini
        try: check_site(process(Path(to)))
        finally: os.chdir(root)
    if errors: sys.exit('\n'.join(errors))
