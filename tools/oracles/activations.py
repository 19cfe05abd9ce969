"""The activations that configs name, as transformers computes them.

Writes test/fixtures/activations.json: points, and for each name the values there, in float64.

Run in the repository's root:  python tools/oracles/activations.py
Needs torch and transformers; their versions stand in the file.
"""
import json
import torch, transformers
from transformers.activations import ACT2FN

NAMES = ["gelu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "relu", "silu", "swish", "tanh"]
POINTS = [-20.0, -8.0, -4.0, -2.5, -1.5, -1.0, -0.75, -0.25, -1e-3, 0.0, 1e-3, 0.25, 0.5, 1.0, 1.75, 2.5, 4.0, 8.0, 20.0]

x = torch.tensor(POINTS, dtype=torch.float64)
json.dump(dict(program="tools/oracles/activations.py", torch=torch.__version__, transformers=transformers.__version__, points=POINTS,
               values={name: ACT2FN[name](x).tolist() for name in NAMES}),
          open("test/fixtures/activations.json", "w"), indent=None)
