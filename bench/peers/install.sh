#!/bin/sh
# Installs the programs that bench/encode.ts measures beside ours, into .cache/bench (about 7 GB: PyTorch brings CUDA along).
set -eu
cd "$(dirname "$0")/../.."
mkdir -p .cache/bench/node
python3 -m venv .cache/bench/venv
.cache/bench/venv/bin/pip install --quiet -r bench/peers/requirements.txt
npm install --prefix .cache/bench/node --ignore-scripts --no-audit --no-fund @huggingface/transformers@4.3.1
