#!/bin/bash
# The day a GPU is there: in thirteen minutes of one card, in the project's own
# commands, what no CPU can show. One JSON comes out, gpu.json, labelled with
# hardware, versions, commit and date. Copied to nbs/logs/gpu.json it fills the
# table of chapter 04, "On a GPU"; its speed is a row of chapter 11's table.
#
#   here, in a clone:     bash .ci/gpu.sh prep ../shared/data
#     (a folder with corpus/, tiktoken_cache/ and hellaswag_val*.jsonl)
#   on the GPU, call 1:   bash .ci/gpu.sh 1      speed, kernels, a training run
#   on the GPU, call 2:   bash .ci/gpu.sh 2      the rest; writes gpu.json again
#   Lent machine: carry ['.gpu'], timeout_s 400 for 1 and 410 for 2, no pause
#   between them, then give_back. gpu.json lies in $OUT (else in .gpu/out).
#   One's own machine: the same three lines; no network is needed after prep.
#
# A rehearsal where there is no GPU (some minutes of a CPU; checks the parsing):
#                         TINY=1 bash .ci/gpu.sh prep ../shared/data
#                         TINY=1 bash .ci/gpu.sh 1; TINY=1 bash .ci/gpu.sh 2
# PARTS=train,muon does some parts alone. Each part has a limit, .ci/gpu.py
# lists them; what a part that failed had printed is in the JSON too.
set -eu
cd "$(dirname "$0")/.."
here=$PWD/.gpu
export PYTHONPATH=$PWD:$here/py PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1
if [ "$1" = prep ]; then
  rm -rf .gpu
  mkdir .gpu
  grep -qs '^/.gpu/$' .git/info/exclude || echo /.gpu/ >> .git/info/exclude
  python3 -m pip install -q --no-deps --target .gpu/py 'fastcore>=1.14,<2'
  cp -r "$2/tiktoken_cache" .gpu/
  cp "$2"/hellaswag_val*.jsonl .gpu/
  TIKTOKEN_CACHE_DIR=$2/tiktoken_cache python3 -m gpt2_nb.data "$2/corpus" \
    --out .gpu/shards --val_tokens 1100000 \
    --max_tokens $([ "${TINY:-}" ] && echo 1300000 || echo 12000000)
  git describe --always --dirty > .gpu/commit
  exit
fi
export OUT=${OUT:-$here/out}
export W=${W:-${TMPDIR:-/tmp}/gpt2_nb_gpu}  # runs and compiled kernels
export TIKTOKEN_CACHE_DIR=$here/tiktoken_cache GPT2_NB_DATA=$here \
  GPT2_NB_CACHE=$W/cache TORCHINDUCTOR_CACHE_DIR=$W/inductor \
  TRITON_CACHE_DIR=$W/triton
mkdir -p "$OUT" "$W"
exec python3 .ci/gpu.py "$1"
