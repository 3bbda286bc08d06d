"""The 124M on a small corpus, in about 20 minutes of one H100 or H200: data, training, report, position embedding.

    GPT2_NB_DATA=../shared/data python .ci/corpus124m.py runs/corpus-124m

The corpus is the Parquet files under $GPT2_NB_DATA/corpus. Flags go on to the trainer, so `--max_steps 4 --n_layer 1 …` tries
all of it on a CPU, and `--data FOLDER` trains on shards that are there."""
import os, subprocess, sys
from pathlib import Path
import matplotlib.pyplot as plt, numpy as np
from gpt2_nb.model import GPT

out,*flags = sys.argv[1:]

def run(module, *args):
    "One of the library's commands"
    subprocess.run([sys.executable, '-m', f'gpt2_nb.{module}', *map(str, args)], check=True)

if not any(f.startswith('--data') for f in flags):
    corpus = Path(os.environ['GPT2_NB_DATA'])/'corpus'
    run('data', corpus/'val.parquet', *sorted(corpus.glob('train*.parquet')), '--out', f'{out}-data',
        '--val_tokens', 373_502)  # all of val.parquet, which comes first
    flags += ['--data', f'{out}-data']
run('train', '--preset', 'gpt2-124m', '--out_dir', out, '--max_steps', 1000, '--warmup_steps', 100, *flags)
run('results', out, '--out', f'{out}/report')

last = max(Path(out).glob('step_*'))
wpe = GPT.from_pretrained(last).transformer.wpe.weight.detach().numpy()
np.save(f'{out}/report/wpe.npy', wpe.astype(np.float16))
fig,ax = plt.subplots(figsize=(8, 4), layout='constrained')
for c in np.linspace(0, wpe.shape[1]-1, 5)[1:-1].astype(int): ax.plot(wpe[:,c], label=f'channel {c}')
ax.set(xlabel='position', ylabel='position embedding')
ax.legend()
fig.savefig(f'{out}/report/wpe.png', dpi=110)
print(f'position embedding: {out}/report/wpe.png')
