"""What the website adds to a page, as processors of nbdev (`procs` in settings.ini; nbdev_docs needs PYTHONPATH=.ci)

A notebook is read in Jupyter too, where attributes of a picture and links of the site would be shown raw: so they are added here."""
import re
from pathlib import Path
from nbdev.config import get_config
from nbdev.processors import Processor

page = re.compile(r'\]\(((?:\.\./|work/)*)(?:\d+_)?(\w+)\.ipynb(#[^)\s]*)?\)')
# [![caption](images/name.svg)](its address): where the notebook is alone, as in Colab, the caption leads to the picture
picture = re.compile(r'^\[?!\[(.*?)\]\(((?:\.\./)*images/(\w+)\.svg)\)(?:\]\(https:\S+\))?$', re.M)

def folded_set_up(cell):
    "Whether a page shows this cell as a closed line `Set-up` and nothing below it"
    return cell.cell_type == 'code' and not cell.get('outputs') and '#| code-summary: "Set-up' in (cell.get('source') or '')

class Pages(Processor):
    "Number the drawings, with their <title> as alt text; one set-up cell a page; link pages to pages, to Colab and to their notebooks"
    def cell(self, cell):
        path = Path(self.nb.path_)
        if cell.cell_type == 'markdown':
            cell.source = picture.sub(lambda m: self.number(path, *m.groups()), cell.source)
            cell.source = page.sub(r'](\1\2.html\3)', cell.source)  # Quarto's Markdown pages keep links as they are
        if cell.source.startswith('#@title'):  # Colab's first line; Quarto wants its own options first
            cell.source = cell.source.split('\n', 1)[1]
        if cell.cell_type == 'raw' and cell.source.startswith('---\n'):
            cell.source = re.sub(r'\n---\s*$', f'\n{self.links(path)}---\n', cell.source)

    def end(self):
        "Set-up cells in a row, which nbdev wants apart if one of them imports, are one to a reader"
        cells = []
        for cell in self.nb.cells:
            if cells and folded_set_up(cells[-1]) and folded_set_up(cell):
                plain = re.sub(r'^#\|.*\n', '', cell.source, flags=re.M).strip('\n')
                cells[-1].source = cells[-1].source.rstrip('\n')+'\n\n'+plain
            else: cells.append(cell)
        self.nb.cells = cells

    def number(self, path, caption, target, stem):
        if not (path.parent/target).exists(): return f'![{caption}]({target})'  # the checks of links will say so
        alt = re.search(r'<title>(.*?)</title>', (path.parent/target).read_text(encoding='utf-8'), re.S)[1]
        alt = ' '.join(alt.split()).replace('"', "'")
        return f'![{caption}]({target}){{#fig-{stem.replace("_", "-")} fig-alt="{alt}"}}'

    def links(self, path):
        cfg = get_config()
        name = f"{cfg.branch}/nbs/{path.resolve().relative_to(cfg.nbs_path.resolve()).as_posix()}"
        repo = cfg.git_url.removeprefix('https://github.com/')
        return ('other-links:\n'
                f'  - text: Open in Colab\n    icon: play-circle\n    href: https://colab.research.google.com/github/{repo}/blob/{name}\n'
                f'  - text: Download the notebook\n    icon: journal-code\n    href: https://raw.githubusercontent.com/{repo}/{name}\n')
