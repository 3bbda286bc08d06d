"Store the pictures of notebooks as PNG with a palette, a third of the size: outputs.py NOTEBOOK..."
import base64, io, json, sys
from pathlib import Path
from PIL import Image

def smaller(png:bytes)->bytes:
    "The same picture in 64 colours, if that saves anything"
    new = io.BytesIO()
    image = Image.open(io.BytesIO(png)).convert('RGB')
    image.quantize(64, dither=Image.Dither.NONE).save(new, 'PNG', optimize=True)
    return min(png, new.getvalue(), key=len)

for path in map(Path, sys.argv[1:]):
    nb = json.loads(path.read_text(encoding='utf-8'))
    for cell in nb['cells']:
        for out in cell.get('outputs', []):
            if 'image/png' in out.get('data', {}):
                png = base64.b64decode(''.join(out['data']['image/png']))
                out['data']['image/png'] = base64.b64encode(smaller(png)).decode()
    path.write_text(json.dumps(nb, indent=1, ensure_ascii=False)+'\n', encoding='utf-8')
