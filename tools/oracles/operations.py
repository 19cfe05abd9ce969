"""PyTorch's values and gradients for every primitive operation of libs/graph, for test/conformance.

Run:   python tools/oracles/operations.py      (writes test/conformance/fixtures/operations.json)
Needs: torch 2.15, numpy 2

Inputs are float32 values; PyTorch computes in float64, so the expected values have no rounding of their own. The gradients
are those of sum(output * upstream). Every case has a name "operation/what is special about it", under which
test/conformance/operationCases.ts builds the same in TypeScript. Arrays are base64 of little-endian bytes: inputs and
upstream as float32, int32 or bool, outputs and gradients as float64, int32 or bool. Seed 0.
"""
import base64
import json
import os
import platform

import numpy as np
import torch

OUT = os.path.join(os.path.dirname(__file__), "../../test/conformance/fixtures/operations.json")
LOWEST = float(np.finfo(np.float32).min)
rng = np.random.default_rng(0)
cases = {}


def normal(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def positive(*shape):
    return (rng.random(shape) * 3 + 0.1).astype(np.float32)


def integers(low, high, *shape):
    return rng.integers(low, high, shape).astype(np.int32)


def booleans(*shape):
    return rng.random(shape) < 0.5


def floats(*values):
    return np.array(values, dtype=np.float32)


def encode(array):
    array = np.asarray(array, order="C")
    names = {"float32": "float32", "float64": "float64", "int32": "int32", "bool": "bool"}
    return {
        "dtype": names[array.dtype.name],
        "shape": list(array.shape),
        "data": base64.b64encode(array.tobytes()).decode("ascii"),
    }


def to_torch(array):
    tensor = torch.from_numpy(np.array(array))
    return tensor.double().requires_grad_() if tensor.dtype == torch.float32 else tensor


def from_torch(tensor):
    array = tensor.detach().numpy()
    return array.astype(np.int32) if array.dtype == np.int64 else array


def case(name, inputs, compute):
    """`compute` takes the inputs in their order; those of float32 are differentiated by."""
    assert name not in cases, name
    tensors = {key: to_torch(value) for key, value in inputs.items()}
    output = compute(*tensors.values())
    entry = {"inputs": {key: encode(value) for key, value in inputs.items()}, "output": encode(from_torch(output))}
    if output.requires_grad:
        upstream = normal(*output.shape)
        (output * torch.from_numpy(np.array(upstream)).double()).sum().backward()
        entry["upstream"] = encode(upstream)
        entry["gradients"] = {
            key: encode(from_torch(tensor.grad)) for key, tensor in tensors.items() if tensor.requires_grad
        }
    cases[name] = entry


def unary_cases():
    functions = {
        "abs": torch.abs,
        "erf": torch.erf,
        "exp": torch.exp,
        "log": torch.log,
        "relu": torch.relu,
        "sigmoid": torch.sigmoid,
        "sqrt": torch.sqrt,
        "tanh": torch.tanh,
    }
    for name, function in functions.items():
        values = positive if name in ("log", "sqrt") else normal
        case(f"{name}/rank 3", {"x": values(3, 5, 7)}, lambda x, f=function: f(x))
        case(f"{name}/one value of rank 0", {"x": values()}, lambda x, f=function: f(x))
        case(f"{name}/17 values", {"x": values(17)}, lambda x, f=function: f(x))
    case("relu/gradient at 0", {"x": floats(-1, -0.0, 0, 1)}, torch.relu)
    case("abs/gradient at 0", {"x": floats(-1, -0.0, 0, 1)}, torch.abs)


def arithmetic_cases():
    functions = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}
    shapes = {
        "same shape": ((3, 7), (3, 7)),
        "left stretched": ((1, 13), (7, 13)),
        "right stretched": ((7, 13), (7, 1)),
        "both stretched": ((7, 1, 13), (1, 3, 1)),
        "axes added on the left": ((13,), (3, 7, 13)),
        "axes added on the right": ((3, 7, 13), (7, 1)),
        "rank 0 on the left": ((), (3, 7)),
        "rank 0 on the right": ((3, 7), ()),
        "rank 0 on both sides": ((), ()),
        "length 1": ((1,), (1,)),
        "rank 4, both stretched": ((3, 1, 7, 1), (1, 5, 1, 13)),
    }
    for name, function in functions.items():
        for what, (left, right) in shapes.items():
            b = positive(*right) if name == "div" else normal(*right)
            case(f"{name}/{what}", {"a": normal(*left), "b": b}, lambda a, b, f=function: f(a, b))
        if name != "div":
            ints = {"a": integers(-9, 9, 7, 1), "b": integers(-9, 9, 3)}
            case(f"{name}/int32, both stretched", ints, lambda a, b, f=function: f(a, b))


def comparison_cases():
    functions = {"equal": torch.eq, "greater": torch.gt, "greaterEqual": torch.ge}
    for name, function in functions.items():
        f = lambda a, b, f=function: f(a, b)
        few = lambda *shape: integers(-2, 3, *shape).astype(np.float32)
        case(f"{name}/float32, both stretched", {"a": few(7, 1, 13), "b": few(3, 1)}, f)
        case(f"{name}/float32, rank 0 on the right", {"a": few(3, 7), "b": few()}, f)
        case(f"{name}/int32, left stretched", {"a": integers(-2, 3, 13), "b": integers(-2, 3, 7, 13)}, f)
        case(f"{name}/values and themselves", {"a": floats(-0.0, 0, LOWEST, 1e-38), "b": floats(0, -0.0, LOWEST, 1e-38)}, f)
    case("equal/bool", {"a": booleans(3, 7), "b": booleans(7)}, torch.eq)


def selection_cases():
    case("where/same shape", {"c": booleans(3, 7), "a": normal(3, 7), "b": normal(3, 7)}, lambda c, a, b: torch.where(c, a, b))
    case("where/condition stretched", {"c": booleans(3, 1, 1, 7), "a": normal(3, 2, 5, 7), "b": normal()}, lambda c, a, b: torch.where(c, a, b))
    case("where/branches stretched", {"c": booleans(3, 7, 13), "a": normal(7, 1), "b": normal(3, 1, 13)}, lambda c, a, b: torch.where(c, a, b))
    case("where/condition of rank 0", {"c": np.array(True), "a": normal(7), "b": normal(7)}, lambda c, a, b: torch.where(c, a, b))
    odd = floats(1, np.inf, -np.inf, np.nan, -0.0, LOWEST)
    case("where/infinite values that are not chosen", {"c": np.array([1, 0, 0, 0, 1, 1], dtype=bool), "a": odd, "b": normal(6)}, lambda c, a, b: torch.where(c, a, b))
    case("where/int32", {"c": booleans(3, 1), "a": integers(-9, 9, 7), "b": integers(-9, 9, 3, 7)}, lambda c, a, b: torch.where(c, a, b))
    case("where/bool", {"c": booleans(3, 1), "a": booleans(7), "b": booleans(3, 7)}, lambda c, a, b: torch.where(c, a, b))
    fractions = floats(-2.7, -1, -0.5, -0.0, 0, 0.3, 1, 1.9, 255.5, 256, 512, 1e6)
    case("cast/float32 to int32", {"x": fractions}, lambda x: x.int())
    case("cast/float32 to bool", {"x": fractions}, lambda x: x.bool())
    case("cast/int32 to float32", {"x": integers(-1000, 1000, 3, 7)}, lambda x: x.double())
    case("cast/int32 to bool", {"x": np.array([-256, -1, 0, 1, 2, 256, 65536], dtype=np.int32)}, lambda x: x.bool())
    case("cast/bool to float32", {"x": booleans(3, 7)}, lambda x: x.double())
    case("cast/bool to int32", {"x": booleans(13)}, lambda x: x.int())
    case("cast/bool of rank 0 to float32", {"x": np.array(True)}, lambda x: x.double())


def shape_cases():
    of = {"float32": normal, "int32": lambda *shape: integers(-9, 9, *shape), "bool": booleans}
    for dtype, values in of.items():
        case(f"broadcastTo/{dtype}, axes stretched and added", {"x": values(7, 1)}, lambda x: x.expand(3, 7, 13))
        case(f"broadcastTo/{dtype}, from rank 0", {"x": values()}, lambda x: x.expand(3, 7))
        case(f"reshape/{dtype}", {"x": values(3, 7, 4)}, lambda x: x.reshape(12, 7))
        case(f"reshape/{dtype}, to rank 0", {"x": values(1, 1)}, lambda x: x.reshape(()))
        case(f"transpose/{dtype}, rank 2", {"x": values(7, 13)}, lambda x: x.permute(1, 0))
        case(f"transpose/{dtype}, rank 4", {"x": values(3, 7, 5, 2)}, lambda x: x.permute(0, 2, 1, 3))
        case(f"slice/{dtype}, first axis", {"x": values(7, 13)}, lambda x: x[2:5])
        case(f"slice/{dtype}, last axis", {"x": values(3, 5, 7)}, lambda x: x[:, :, 6:7])
        case(f"slice/{dtype}, middle axis of rank 4", {"x": values(2, 7, 3, 5)}, lambda x: x[:, 1:7])
        case(f"concat/{dtype}, first axis", {"a": values(1, 7), "b": values(3, 7)}, lambda a, b: torch.cat([a, b], 0))
        case(f"concat/{dtype}, three on the last axis", {"a": values(3, 1), "b": values(3, 7), "c": values(3, 2)}, lambda a, b, c: torch.cat([a, b, c], 1))
        rows = np.array([3, 0, 3, 6, 1], dtype=np.int32)
        case(f"gatherRows/{dtype}, matrix", {"x": values(7, 13), "index": rows}, lambda x, index: x[index.long()])
    case("broadcastTo/the same sizes with an axis added", {"x": normal(3, 7)}, lambda x: x.expand(1, 3, 7))
    case("transpose/rank 3, cycle", {"x": normal(3, 5, 7)}, lambda x: x.permute(2, 0, 1))
    case("transpose/rank 1", {"x": normal(7)}, lambda x: x.permute(0))
    case("transpose/rank 5", {"x": normal(2, 3, 1, 5, 4)}, lambda x: x.permute(4, 1, 3, 0, 2))
    case("concat/an input used twice", {"a": normal(3, 2)}, lambda a: torch.cat([a, a], 1))
    case("padZeros/before", {"x": normal(3, 7)}, lambda x: torch.nn.functional.pad(x, (0, 0, 2, 0)))
    case("padZeros/after, last axis", {"x": normal(3, 7)}, lambda x: torch.nn.functional.pad(x, (0, 5)))
    case("padZeros/on both sides, rank 3", {"x": normal(3, 7, 2)}, lambda x: torch.nn.functional.pad(x, (0, 0, 1, 3)))
    case("padZeros/rank 1", {"x": normal(1)}, lambda x: torch.nn.functional.pad(x, (3, 1)))


def reduction_cases():
    functions = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}
    axes = {
        "last axis": ((3, 5, 7), [2]),
        "first axis": ((3, 5, 7), [0]),
        "middle axis": ((3, 5, 7), [1]),
        "first and last axis": ((3, 5, 7), [0, 2]),
        "last two axes": ((3, 5, 7), [1, 2]),
        "all axes": ((3, 5, 7), [0, 1, 2]),
        "an axis of length 1": ((7, 1), [1]),
        "rank 1": ((17,), [0]),
        "first and third of 4": ((2, 3, 5, 7), [0, 2]),
        "a row longer than a block": ((1, 331), [1]),
    }
    for name, function in functions.items():
        for what, (shape, dims) in axes.items():
            for keep in (False, True):
                kept = ", axes kept" if keep else ""
                # Sums of both signs cancel, and an error beside the result would say nothing: most values are positive.
                x = normal(*shape) if name == "max" else normal(*shape) + np.float32(1.5)
                case(f"{name}/{what}{kept}", {"x": x}, lambda x, f=function, d=dims, k=keep: f(x, dim=d, keepdim=k))
    case("max/equal maxima share the gradient", {"x": floats(1, 3, 3, -1, 3).reshape(1, 5)}, lambda x: torch.amax(x, dim=[1]))
    case("max/all below zero", {"x": floats(-3, -1, LOWEST)}, lambda x: torch.amax(x, dim=[0]))
    case("sizeOf/two axes", {"x": normal(3, 5, 7)}, lambda x: torch.tensor(21.0, dtype=torch.float64))
    case("sizeOf/one axis of an int32 tensor", {"x": integers(0, 9, 3, 7)}, lambda x: torch.tensor(7.0, dtype=torch.float64))


def product_cases():
    shapes = {
        "two matrices": ((7, 13), (13, 5)),
        "inner size 1": ((7, 1), (1, 5)),
        "a row and a column": ((1, 17), (17, 1)),
        "1 x 1": ((1, 1), (1, 1)),
        "the same batch": ((3, 7, 13), (3, 13, 5)),
        "rank 4": ((2, 3, 7, 5), (2, 3, 5, 4)),
        "batch on the left alone": ((3, 7, 13), (13, 5)),
        "batch on the right alone": ((7, 13), (3, 13, 5)),
        "batches stretched on both sides": ((2, 1, 7, 5), (1, 3, 5, 4)),
    }
    for what, (left, right) in shapes.items():
        for flags in ("", ", first transposed", ", second transposed", ", both transposed"):
            ta, tb = "first" in flags or "both" in flags, "second" in flags or "both" in flags
            a = normal(*((*left[:-2], left[-1], left[-2]) if ta else left))
            b = normal(*((*right[:-2], right[-1], right[-2]) if tb else right))
            case(
                f"matMul/{what}{flags}",
                {"a": a, "b": b},
                lambda a, b, ta=ta, tb=tb: (a.mT if ta else a) @ (b.mT if tb else b),
            )


def softmax_cases():
    for name, function in {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}.items():
        f = lambda x, f=function: f(x, -1)
        case(f"{name}/rank 3", {"x": normal(3, 5, 7)}, f)
        case(f"{name}/rank 1", {"x": normal(17)}, f)
        case(f"{name}/rows of length 1", {"x": normal(3, 1)}, f)
        case(f"{name}/large values", {"x": normal(3, 7, scale=80)}, f)
        case(f"{name}/a row longer than a block", {"x": normal(1, 331)}, f)
    masked = normal(3, 2, 5, 7)
    masked[1, :, :, 4:] = LOWEST
    masked[2, :, :, 1:] = LOWEST
    case("softmax/masked by the lowest float32", {"x": masked}, lambda x: torch.softmax(x, -1))
    case("softmax/a row of the lowest float32 alone", {"x": np.full((2, 7), LOWEST, dtype=np.float32)}, lambda x: torch.softmax(x, -1))
    case("softmax/the largest beside the lowest", {"x": floats(-LOWEST, LOWEST, 0).reshape(1, 3)}, lambda x: torch.softmax(x, -1))
    case("logSoftmax/large differences", {"x": floats(1e4, -1e4, 0, 30).reshape(1, 4)}, lambda x: torch.log_softmax(x, -1))


def row_cases():
    case("gatherRows/vector", {"x": normal(7), "index": integers(0, 7, 5)}, lambda x, index: x[index.long()])
    case("gatherRows/rank 3, index of rank 2", {"x": normal(7, 3, 2), "index": integers(0, 7, 2, 5)}, lambda x, index: x[index.long()])
    case("gatherRows/index of rank 0", {"x": normal(7, 3), "index": np.array(4, dtype=np.int32)}, lambda x, index: x[index.long()])
    case("gatherRows/one row of one", {"x": normal(1, 1), "index": np.array([0, 0, 0], dtype=np.int32)}, lambda x, index: x[index.long()])

    def scatter(rows, index, count):
        flat = rows.reshape(index.numel(), *rows.shape[index.dim():])
        return torch.zeros(count, *flat.shape[1:], dtype=rows.dtype).index_add(0, index.reshape(-1).long(), flat)

    repeated = np.array([5, 0, 5, 5, 2, 0, 6], dtype=np.int32)
    case("scatterAddRows/repeated rows", {"rows": normal(7, 13), "index": repeated}, lambda rows, index: scatter(rows, index, 7))
    case("scatterAddRows/vector", {"rows": normal(7), "index": repeated}, lambda rows, index: scatter(rows, index, 9))
    case("scatterAddRows/rank 3", {"rows": normal(7, 3, 2), "index": repeated}, lambda rows, index: scatter(rows, index, 7))
    case("scatterAddRows/index of rank 2", {"rows": normal(2, 5, 3), "index": integers(0, 3, 2, 5)}, lambda rows, index: scatter(rows, index, 3))
    case("scatterAddRows/one row of one", {"rows": normal(1, 1), "index": np.array([0], dtype=np.int32)}, lambda rows, index: scatter(rows, index, 1))

    def one_hot(index, depth):
        return (index[..., None] == torch.arange(depth)).double()

    outside = np.array([0, 6, -1, 7, 3, -7, 100], dtype=np.int32)
    case("oneHot/outside of the depth", {"index": outside}, lambda index: one_hot(index, 7))
    case("oneHot/rank 2", {"index": integers(0, 5, 3, 7)}, lambda index: one_hot(index, 5))
    case("oneHot/depth 1", {"index": integers(-1, 2, 7)}, lambda index: one_hot(index, 1))
    case("oneHot/rank 0", {"index": np.array(2, dtype=np.int32)}, lambda index: one_hot(index, 3))


def packing_cases():
    for what, lengths in {"lengths 3, 1, 4": (3, 1, 4), "one text of one token": (1,), "equal lengths": (5, 5)}.items():
        total, longest = sum(lengths), max(lengths)
        unpack_index = np.full((len(lengths), longest), -1, dtype=np.int32)
        row = 0
        for text, length in enumerate(lengths):
            unpack_index[text, :length] = np.arange(row, row + length)
            row += length
        pack_index = np.flatnonzero(unpack_index.reshape(-1) >= 0).astype(np.int32)
        indices = {"unpackIndex": unpack_index, "packIndex": pack_index}

        def unpack(x, unpackIndex, packIndex):
            rows = torch.cat([x, torch.zeros(1, *x.shape[1:], dtype=x.dtype)])
            return rows[torch.where(unpackIndex < 0, x.shape[0], unpackIndex).long()]

        def pack(x, unpackIndex, packIndex):
            return x.reshape(-1, *x.shape[2:])[packIndex.long()]

        case(f"unpack/{what}", {"x": normal(total, 7), **indices}, unpack)
        case(f"unpack/{what}, rank 3", {"x": normal(total, 2, 3), **indices}, unpack)
        case(f"unpack/{what}, rank 1", {"x": normal(total), **indices}, unpack)
        case(f"pack/{what}", {"x": normal(len(lengths), longest, 7), **indices}, pack)
        case(f"pack/{what}, rank 4", {"x": normal(len(lengths), longest, 2, 3), **indices}, pack)
        case(f"pack/{what}, rank 2", {"x": normal(len(lengths), longest), **indices}, pack)


for make in (unary_cases, arithmetic_cases, comparison_cases, selection_cases, shape_cases):
    make()
for make in (reduction_cases, product_cases, softmax_cases, row_cases, packing_cases):
    make()

os.makedirs(os.path.dirname(OUT), exist_ok=True)
versions = {"torch": torch.__version__, "numpy": np.__version__, "python": platform.python_version()}
with open(OUT, "w") as file:
    header = json.dumps({"program": "tools/oracles/operations.py", "versions": versions, "seed": 0})
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in cases.items())
    file.write(f'{header[:-1]}, "cases": {{\n{lines}\n}}}}\n')
print(len(cases), "cases,", os.path.getsize(OUT), "bytes")
