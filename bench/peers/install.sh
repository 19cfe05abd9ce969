#!/bin/sh
# Installs the programs that benchmarks measure beside ours: Python's into .cache/python (about 7 GB where PyTorch brings CUDA along;
# the interop tests have the same), npm's into .cache/bench.
set -eu
cd "$(dirname "$0")/../.."
node tools/python/install.ts
mkdir -p .cache/bench/node
npm install --prefix .cache/bench/node --ignore-scripts --no-audit --no-fund @huggingface/transformers@4.3.1
