"Make README.md from nbs/index.ipynb, or with --check see that it is"
import json, re, sys
from pathlib import Path

root = Path(__file__).parent.parent

def readme()->str:
    "Markdown of the index: prose, and code in fences"
    cells = json.loads((root/'nbs/index.ipynb').read_text(encoding='utf-8'))['cells']
    parts = []
    for cell in cells:
        src = ''.join(cell['source'])
        if src.startswith('#|') or not src.strip(): continue
        if cell['cell_type'] == 'markdown': parts.append(src)
        else: parts.append(f'```python\n{src}\n```')
    text = re.sub(r'\]\((?!\w+:|#)', '](nbs/', '\n\n'.join(parts))  # links from the root
    # Quarto's captioned picture with an alt text is, for GitHub, a picture and a line below
    text = re.sub(r'^!\[(.*)\]\((.*)\)\{fig-alt="(.*)"\}$', r'![\3](\2)\n\n*\1*', text, flags=re.M)
    note = '<!-- made from nbs/index.ipynb by .ci/readme.py; edit that -->'
    return f'{note}\n\n{text}\n'

if __name__ == '__main__':
    path = root/'README.md'
    if '--check' not in sys.argv: path.write_text(readme(), encoding='utf-8')
    elif path.read_text(encoding='utf-8') != readme():
        sys.exit('README.md differs from nbs/index.ipynb: run `python .ci/readme.py`')
