"""The packaged model's vectors by sentence-transformers, in float32.

Writes test/fixtures/packaged-model.json.
Run in the repository's root:  python tools/oracles/packaged_model.py
Needs sentence-transformers; versions are written to the file.
"""
import json, os
os.environ["HF_HUB_OFFLINE"] = "1"
import sentence_transformers, torch
from sentence_transformers import SentenceTransformer

TEXTS = ["A tool that plays music and videos.", "library to parse command lines", "the quick brown fox",
         "Caf\u00e9 na\u00efve \u4f60\u597d", "word " * 400]
model = SentenceTransformer("libs/transformer/models/stagecoach-mini", device="cpu").float()
vectors = model.encode(TEXTS, convert_to_numpy=True)
json.dump(dict(program="tools/oracles/packaged_model.py", sentence_transformers=sentence_transformers.__version__,
               torch=torch.__version__, texts=TEXTS, vectors=[[float(value) for value in vector] for vector in vectors]),
          open("test/fixtures/packaged-model.json", "w"))
