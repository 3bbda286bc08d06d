"See that a finished quickstart kept its promises: quickstart.py RUN"
import json, sys
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from gpt2_nb.work.runs import check_checkpoint, checkpoints
from gpt2_nb.work.tokenizer import get_tokenizer
from gpt2_nb.model import GPT

run = Path(sys.argv[1])
log = [json.loads(l) for l in (run/'log.jsonl').read_text(encoding='utf-8').splitlines()]
cfg,steps = log[0]['config'],[r for r in log if 'loss' in r]
val = [r for r in log if 'val_loss' in r]
print('val', val[-1], 'training seconds', sum(r['dt_ms'] for r in steps)/1e3)
assert [r['step'] for r in steps] == list(range(cfg['max_steps']))
assert val[-1]['step'] == cfg['max_steps'], 'the last update was not evaluated'
assert val[-1]['bpb'] <= 1.75, 'more than 1.75 bits per byte on held-out documents; two cores here reach 1.70'
assert sum('sample' in r for r in log) >= 3
assert (run/'loss.png').read_bytes()[:4] == b'\x89PNG'

folder = checkpoints(run)[-1]
assert check_checkpoint(folder)['step'] == cfg['max_steps']
ours,theirs = GPT.from_pretrained(folder),AutoModelForCausalLM.from_pretrained(folder).eval()
text = 'Return the number of items in the list.'
enc = get_tokenizer(folder)
ids = enc.encode_ordinary(text)
assert AutoTokenizer.from_pretrained(folder)(text).input_ids == ids and enc.decode(ids) == text
with torch.no_grad(): a,b = ours(torch.tensor([ids]))[0],theirs(torch.tensor([ids])).logits
torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-5)
print('transformers gives the same logits, up to', (a-b).abs().max().item())
