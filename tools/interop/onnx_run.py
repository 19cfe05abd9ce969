"""Exported ONNX files in Python's onnxruntime. Reads {"path", "batches": [{input: [[ids]]}]} from stdin, prints outputs per batch as JSON.

Run by test/interop/onnxExport.test.ts in the environment of tools/python.
"""
import json, sys
import numpy, onnx, onnxruntime

spec = json.load(sys.stdin)
# By path: weights lie in a file beside it. Full: with inference of every shape.
onnx.checker.check_model(spec["path"], full_check=True)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(spec["path"], options, providers=["CPUExecutionProvider"])
names = [each.name for each in session.get_outputs()]
outputs = []
for batch in spec["batches"]:
    feed = {name: numpy.array(rows, dtype=numpy.int64) for name, rows in batch.items()}
    outputs.append({name: value.tolist() for name, value in zip(names, session.run(names, feed))})
model = onnx.load(spec["path"], load_external_data=False)
print(json.dumps(dict(
    inputs=[dict(name=each.name, type=each.type, shape=each.shape) for each in session.get_inputs()],
    outputs=outputs,
    opsets={each.domain: each.version for each in model.opset_import},
    version=onnxruntime.__version__,
)))
