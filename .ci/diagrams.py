"Draw the variants of gpt2_model.svg in which one part stands out: diagrams.py [--check]"
import sys
from pathlib import Path

images = Path(__file__).parent.parent/'nbs/images'
parts = {'embed': ('wte', 'wpe', 'tie'), 'attn': ('attn', 'ln1'), 'mlp': ('mlp', 'ln2'), 'head': ('head', 'tie'),
         'stream': ('stream', 'frame')}

def variant(shown):
    "The diagram with all other parts dimmed"
    style = f"  <style>.part {{ opacity: .25 }} {', '.join('.'+s for s in shown)} {{ opacity: 1 }}</style>\n"
    return base.replace('  <g class="part', style+'  <g class="part', 1)

base = (images/'gpt2_model.svg').read_text(encoding='utf-8')
for name,shown in parts.items():
    path,new = images/f'gpt2_{name}.svg',variant(shown)
    if '--check' in sys.argv:
        if path.read_text(encoding='utf-8') != new: sys.exit(f'{path.name} is not made from gpt2_model.svg: run .ci/diagrams.py')
    else: path.write_text(new, encoding='utf-8')
