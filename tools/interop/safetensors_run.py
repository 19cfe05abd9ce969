"""Safetensors between us and Python. Reads {"read", "write"} paths from stdin: says what is in the one, writes the other.

Run by test/interop/files.test.ts in the environment of tools/python.
"""
import json, sys
import numpy
from safetensors import safe_open
from safetensors.numpy import save_file

spec = json.load(sys.stdin)
with safe_open(spec["read"], framework="numpy") as file:
    names = list(file.keys())
    tensors = {name: file.get_tensor(name) for name in names}
    metadata = file.metadata()
print(json.dumps(dict(
    tensors={name: dict(dtype=str(each.dtype), shape=each.shape, bytes=each.tobytes().hex()) for name, each in tensors.items()},
    metadata=metadata,
)))
written = dict(
    weight=numpy.arange(-6, 6, dtype=numpy.float32).reshape(3, 4) / 7,
    half=numpy.array([0.5, -1.25, 65504.0, 6e-8], dtype=numpy.float16),
    ids=numpy.array([[1, -2], [2**31 - 1, 0]], dtype=numpy.int32),
)
save_file(written, spec["write"], metadata={"format": "np", "note": "written by Python"})
