"""Draw the pictures that no notebook draws: pictures.py [--check]

gpt2_*.svg are gpt2_model.svg with one part standing out; quickstart.png is made from nbs/logs/quickstart.jsonl.
--check draws nothing: the variants are up to date, and every diagram has a light card, a title that describes it, the palette of
gpt2_nb/figures.mplstyle, and a page that shows it."""
import ast, json, re, sys
from pathlib import Path

nbs = Path(__file__).parent.parent/'nbs'
images = nbs/'images'
parts = {'embed': ('wte', 'wpe', 'tie'), 'mlp': ('mlp', 'ln2'), 'head': ('head', 'tie'),
         'stream': ('stream', 'frame')}

ink = {'ffffff', '404040', '7f7f7f', '8a4a10', '1f6152', 'a3271f'}  # card, text, lines; darker than its colour where text is coloured
called = {'embed': 'the embedding', 'mlp': 'the MLP', 'head': 'the output layer', 'stream': 'the residual stream'}

def variant(base, shown, names):
    "The diagram with all other parts dimmed"
    style = f"  <style>.part {{ opacity: .72 }} {', '.join('.'+s for s in shown)} {{ opacity: 1 }}</style>\n"
    named = re.sub(r'\.?</title>', f'; here {names} stands out</title>', base, count=1)
    return named.replace('  <g class="part', style+'  <g class="part', 1)

def variants():
    "Path and text of each"
    base = (images/'gpt2_model.svg').read_text(encoding='utf-8')
    return {images/f'gpt2_{name}.svg': variant(base, shown, called[name]) for name,shown in parts.items()}

def check():
    for path,new in variants().items():
        if path.read_text(encoding='utf-8') != new: sys.exit(f'{path.name} is not made from gpt2_model.svg: run .ci/pictures.py')
    palette = set(re.findall(r'\b[0-9a-f]{6}\b', (nbs.parent/'gpt2_nb/figures.mplstyle').read_text(encoding='utf-8').split('axes.prop_cycle')[1]))
    pages = ''.join(p.read_text(encoding='utf-8') for p in nbs.rglob('*.ipynb'))
    for path in sorted(images.glob('*.svg')):
        if path.name == 'favicon.svg': continue
        text = path.read_text(encoding='utf-8')
        other = set(re.findall(r'#([0-9a-fA-F]{3,8})\b', text)) - palette - ink
        if other: sys.exit(f'{path.name}: {sorted(other)} are neither in figures.mplstyle nor ink')
        if '<rect width="100%" height="100%"' not in text: sys.exit(f'{path.name}: no light card of its own below it')
        if not re.search(r'<title>[^<]{20,}', text): sys.exit(f'{path.name}: no <title> that describes it')
        if path.name not in pages: sys.exit(f'{path.name}: on no page')

def ngrams():
    "Bits per byte of models that count, as the page on the corpora stores them: order -> level"
    cells = json.loads((nbs/'work/corpora.ipynb').read_text(encoding='utf-8'))['cells']
    out, = (c['outputs'] for c in cells if ''.join(c['source']).rstrip().endswith('\nbpb'))
    return ast.literal_eval(''.join(out[0]['data']['text/plain']))

def rungs():
    "(name, ms) of the ladder on a CPU, as chapter 04 stores it"
    cells = json.loads((nbs/'04_speed.ipynb').read_text(encoding='utf-8'))['cells']
    text, = (''.join(o['text']) for c in cells if ''.join(c['source']).endswith('\nres = loads(brace+last)') for o in c['outputs'])
    return re.findall(r'^(\w+) +([\d.]+) ms', text, re.M)

def quickstart():
    "Bits per byte of the quickstart and of models that count, on the same held-out documents; beside it the ladder of speed"
    import matplotlib.pyplot as plt
    from PIL import Image
    plt.style.use(nbs.parent/'gpt2_nb/figures.mplstyle')
    log = [json.loads(l) for l in (nbs/'logs/quickstart.jsonl').read_text(encoding='utf-8').splitlines()]
    val = [r for r in log if 'bpb' in r]
    mtok = lambda r: r['step']*log[0]['config']['total_batch_tokens']/1e6
    fig,(ax,bx) = plt.subplots(1, 2, figsize=(8.6, 3.3), layout='constrained', width_ratios=(2.2, 1))
    train = [(mtok(r), r['loss']*val[0]['bpb']/val[0]['val_loss']) for r in log if 'loss' in r]
    ax.plot(*zip(*train), lw=.7, label='training batches')
    ax.plot([mtok(r) for r in val], [r['bpb'] for r in val], 'o-', clip_on=False, label='held-out documents')
    ax.annotate(f"{val[-1]['bpb']:.2f}", (mtok(val[-1]), val[-1]['bpb']), (-3, 14), textcoords='offset points', ha='right')
    levels = ngrams()
    for n,name,va in ((1, 'unigram', 'center'), (2, 'bigram', 'center'), (3, 'trigram', 'bottom'), (5, '5-gram', 'top')):
        ax.axhline(levels[n], ls=':', lw=1, color='#7f7f7f')
        ax.text(mtok(val[-1])*1.02, levels[n], f'{name} {levels[n]:.2f}', va=va)
    ax.set(xlabel='tokens seen (millions)', ylabel='bits per byte', xlim=(0, mtok(val[-1])*1.01), ylim=(1.3, 3.5))
    ax.legend()
    names,ms = zip(*rungs())
    bars = bx.barh(names, [float(x) for x in ms], color='C2')
    bx.bar_label(bars, [f'{float(ms[0])/float(x):.1f}×' for x in ms], padding=3)
    bx.invert_yaxis()
    bx.set(xlabel='ms per step', xlim=(0, 4100), xticks=(0, 1500, 3000))
    fig.savefig(images/'quickstart.png', dpi=200)  # two pixels per CSS pixel
    with Image.open(images/'quickstart.png') as drawn: small = drawn.convert('RGB').quantize(256, dither=Image.Dither.NONE)
    small.save(images/'quickstart.png', optimize=True)

if __name__ == '__main__':
    if '--check' in sys.argv: check()
    else:
        for path,new in variants().items(): path.write_text(new, encoding='utf-8')
        quickstart()
