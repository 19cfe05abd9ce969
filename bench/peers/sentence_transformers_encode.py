"""Peer: sentence-transformers on PyTorch.

usage: sentence_transformers_encode.py MODEL_DIR TEXTS.json THREADS [VECTORS.bin]   Then one line in, one JSON line out.
With VECTORS.bin the normalized vectors are written there as float32 first.
"""
import json, os, sys, time
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
torch.set_num_threads(int(sys.argv[3]))
from sentence_transformers import SentenceTransformer
model, texts = SentenceTransformer(sys.argv[1], device="cpu"), json.load(open(sys.argv[2]))
encode = lambda batch: model.encode(batch, batch_size=32, normalize_embeddings=True, show_progress_bar=False)
if len(sys.argv) > 4: encode(texts).astype("<f4").tofile(sys.argv[4])
encode(texts[:64])
for line in sys.stdin:
    started = time.perf_counter()
    vectors = encode(texts)
    print(json.dumps(dict(seconds=time.perf_counter() - started, check=float(vectors[0, 0]))), flush=True)
