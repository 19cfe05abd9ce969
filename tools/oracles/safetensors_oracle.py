"""Write the fixtures of libs/transformer/src/safetensors with the reference implementation of the format.

Run, from the root of the repository, in a Python 3.11 with the packages below (no network, no accelerator):

    python tools/oracles/safetensors_oracle.py

Written with safetensors 0.8.0, torch 2.15, huggingface_hub 2.4.0, numpy. No random numbers but torch's with seed 0.

Files, all in libs/transformer/src/safetensors/fixtures:
  dtypes.safetensors        one tensor of each type that torch can save, a scalar, an empty tensor, names that sort oddly
  dtypes.json               the same tensors: dtype, shape, bytes in hex
  half.safetensors          f16 and bf16 with every special value and 1,024 patterns spread over all 65,536, and float32
                            (`*.expected`) and f64 values as torch's `.float()` gives them
  sharded/                  a checkpoint of three shards with its index, by huggingface_hub.save_torch_state_dict
  cases.json                hostile and odd files (base64) and what the reference implementation says of each
"""

import base64
import json
import shutil
import struct
from pathlib import Path

import torch
from huggingface_hub import save_torch_state_dict
from safetensors import SafetensorError, deserialize
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parents[2] / "libs/transformer/src/safetensors/fixtures"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    write_dtypes()
    write_half()
    write_sharded()
    write_cases()
    for path in FOLDER.rglob("*.*"):
        path.chmod(0o644)


def write_dtypes() -> None:
    torch.manual_seed(0)
    tensors = {
        "encoder.layer.10.weight": torch.randn(2, 3),
        "encoder.layer.2.weight": torch.randn(3, 2),
        "scalar": torch.tensor(0.1),
        "empty": torch.zeros(0, 4),
        "7": torch.randn(1),
        "__proto__": torch.randn(2),
        'quote " backslash \\ tab \t': torch.randn(1),
        # UTF-16 code units would put the first before the second, UTF-8 bytes do not.
        "\U0001f600": torch.randn(1),
        "\uffff": torch.randn(1),
        "position_ids": torch.tensor([[0, 1, -1, 2**31 - 1, -(2**31)]]),
        "large": torch.tensor([2**31, 2**53 + 1]),
        "f64": torch.tensor([0.1, 1e300, -0.0, 1 + 2**-24, 1 + 3 * 2**-24], dtype=torch.float64),
        "f16": torch.tensor([0.1, -2.0], dtype=torch.float16),
        "bf16": torch.tensor([0.1, -2.0, 3.0], dtype=torch.bfloat16),
        "i32": torch.tensor([1, -1, 2**31 - 1], dtype=torch.int32),
        "i16": torch.tensor([1, -1], dtype=torch.int16),
        "i8": torch.tensor([1, -1, 127], dtype=torch.int8),
        "u8": torch.tensor([1, 255], dtype=torch.uint8),
        "u16": torch.tensor([1, 65535], dtype=torch.uint16),
        "u32": torch.tensor([1, 2**32 - 1], dtype=torch.uint32),
        "u64": torch.tensor([1, 2**63], dtype=torch.uint64),
        "bool": torch.tensor([True, False, True]),
        "f8_e4m3": torch.tensor([0.5, 448.0]).to(torch.float8_e4m3fn),
        "f8_e5m2": torch.tensor([0.5, 57344.0]).to(torch.float8_e5m2),
        "c64": torch.tensor([1 + 2j]),
    }
    path = FOLDER / "dtypes.safetensors"
    save_file(tensors, path, metadata={"format": "pt"})
    listed = {name: {"dtype": t["dtype"], "shape": t["shape"], "hex": bytes(t["data"]).hex()} for name, t in deserialize(path.read_bytes())}
    (FOLDER / "dtypes.json").write_text(json.dumps(listed, indent=1, sort_keys=True) + "\n")


def write_half() -> None:
    special16 = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x8400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE00, 0x7FFF, 0x3C00, 0x3C01]
    special_b = [0x0000, 0x8000, 0x0001, 0x8001, 0x007F, 0x807F, 0x0080, 0x8080, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0, 0xFFC0, 0x7FFF, 0x3F80, 0x3F81]
    spread = [i * 64 + 37 for i in range(1024)]
    f16 = torch.tensor(special16 + spread, dtype=torch.int32).to(torch.uint16).view(torch.float16)
    bf16 = torch.tensor(special_b + spread, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)
    f64 = torch.tensor([0.0, -0.0, 1e-46, 1.4e-45, 1e-310, 3.4028235e38, 3.5e38, -3.5e38, float("inf"), float("nan"), 0.1, 1 + 2**-24, 1 + 3 * 2**-24], dtype=torch.float64)
    tensors = {"f16": f16, "bf16": bf16, "f64": f64}
    tensors |= {f"{name}.expected": tensor.float() for name, tensor in tensors.items()}
    save_file(tensors, FOLDER / "half.safetensors", metadata={"format": "pt"})


def write_sharded() -> None:
    torch.manual_seed(0)
    folder = FOLDER / "sharded"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    state = {f"encoder.layer.{i}.weight": torch.randn(4, 4) for i in range(3)}
    save_torch_state_dict(state, folder, max_shard_size=80)


def framed(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype="F32", shape=(1,), offsets=(0, 4)) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def write_cases() -> None:
    def of(header, data: bytes = b"", length: int | None = None) -> bytes:
        return framed(json.dumps(header).encode(), data, length)

    four, eight = b"\0" * 4, b"\0" * 8
    valid = of({"a": entry()}, four)
    cases = {
        "valid": valid,
        "empty file": b"",
        "seven bytes": b"\0" * 7,
        "header length 0": framed(b""),
        "header only, no tensors": framed(b"{}"),
        "header length beyond the file": of({"a": entry()}, four, 10_000),
        "header length 2 GB": framed(b"{}", b"", 2**31),
        "header length 2^64 - 1": framed(b"{}", b"", 2**64 - 1),
        "header of 100,000,001 bytes": framed(b"{}", b"", 100_000_001),
        "truncated in the data": valid[:-1],
        "truncated in the header": valid[:20],
        "one byte too many": valid + b"\0",
        "not JSON": framed(b"this is no JSON "),
        "a list": framed(b"[]"),
        "a number": framed(b"12"),
        "null": framed(b"null"),
        "not UTF-8": framed(b'{"\xff\xfe":1}'),
        "byte order mark": framed(b"\xef\xbb\xbf{}"),
        "white space before the object": framed(b"  {}"),
        "white space after the object": framed(b"{}\n\t  "),
        "zero bytes after the object": framed(b"{}\0\0"),
        "text after the object": framed(b"{}{}"),
        "unknown dtype": of({"a": entry(dtype="F31")}, four),
        "dtype in small letters": of({"a": entry(dtype="f32")}, four),
        "dtype that is a property of every object": of({"a": entry(dtype="constructor")}, four),
        "dtype a number": of({"a": entry(dtype=32)}, four),
        "no dtype": of({"a": {"shape": [1], "data_offsets": [0, 4]}}, four),
        "no shape": of({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, four),
        "no offsets": of({"a": {"dtype": "F32", "shape": [1]}}, four),
        "entry a list": of({"a": [1]}, four),
        "entry null": of({"a": None}),
        "unknown field in an entry": of({"a": entry() | {"note": {"x": [1.5]}}}, four),
        "negative size": of({"a": entry(shape=[-1])}, four),
        "two negative sizes": of({"a": entry(shape=[-1, -1])}, four),
        "fractional size": of({"a": entry(shape=[1.5])}, four),
        "size 1.0": of({"a": entry(shape=[1.0])}, four),
        "size 1e0": framed(b'{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', four),
        "size a text": of({"a": entry(shape=["1"])}, four),
        "size null": of({"a": entry(shape=[None])}, four),
        "size NaN": framed(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', four),
        "shape that overflows 64 bits": of({"a": entry(shape=[2**32, 2**32, 2**2])}, four),
        "size over 64 bits": of({"a": entry(shape=[2**64 + 1])}, four),
        "size times dtype overflows": of({"a": entry(shape=[2**62])}, four),
        "scalar": of({"a": entry(shape=[])}, four),
        "empty tensor": of({"a": entry(shape=[0, 3], offsets=[0, 0])}),
        "negative offset": of({"a": entry(offsets=[-4, 0])}, four),
        "end before begin": of({"a": entry(offsets=[4, 0])}, four),
        "one offset": of({"a": entry(offsets=[4])}, four),
        "three offsets": of({"a": entry(offsets=[0, 4, 8])}, four),
        "offset a text": of({"a": entry(offsets=["0", 4])}, four),
        "offsets out of the file": of({"a": entry(shape=[2], offsets=[0, 8])}, four),
        "offsets of 2^53": of({"a": entry(offsets=[2**53, 2**53 + 4])}, four),
        "wrong number of bytes": of({"a": entry(shape=[2])}, four),
        "overlap": of({"a": entry(shape=[2], offsets=[0, 8]), "b": entry(offsets=[4, 8])}, eight),
        "same bytes twice": of({"a": entry(), "b": entry()}, four),
        "hole between tensors": of({"a": entry(), "b": entry(offsets=[8, 12])}, four * 3),
        "hole at the beginning": of({"a": entry(offsets=[4, 8])}, eight),
        "hole at the end": of({"a": entry()}, eight),
        "tensors in any order": of({"b": entry(offsets=[4, 8]), "a": entry()}, eight),
        "half a byte": of({"a": entry(dtype="F4", shape=[1], offsets=[0, 0])}),
        "two halves of a byte": of({"a": entry(dtype="F4", shape=[2], offsets=[0, 1])}, b"\0"),
        "duplicate tensor": framed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        "duplicate field in an entry": framed(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        "duplicate key by escape": framed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        "duplicate __metadata__": framed(b'{"__metadata__":{},"__metadata__":{}}'),
        "duplicate metadata key": framed(b'{"__metadata__":{"a":"1","a":"2"}}'),
        "metadata": of({"__metadata__": {"format": "pt", "__proto__": "x"}}),
        "metadata null": of({"__metadata__": None}),
        "metadata a number": of({"__metadata__": 1}),
        "metadata with a number": of({"__metadata__": {"step": 1}}),
        "metadata with an object": of({"__metadata__": {"step": {}}}),
        "key __proto__": of({"__proto__": entry()}, four),
        "key __proto__ that is no tensor": framed(b'{"__proto__":{"polluted":true}}'),
        "key constructor": of({"constructor": entry()}, four),
        "empty name": of({"": entry()}, four),
        "lone surrogate": framed(b'{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        "control character in a name": framed(b'{"a\x01":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        "trailing comma": framed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},}', four),
        "comment": framed(b"{/* */}"),
        "200 levels": framed(b'{"a":' + b"[" * 200 + b"]" * 200 + b"}"),
        "5,000 levels": framed(b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
        "a number of 1,000 digits": framed(b'{"a":' + b"9" * 1000 + b"}"),
    }
    judged = [{"name": name, "file": base64.b64encode(file).decode(), "reference": verdict(file)} for name, file in cases.items()]
    (FOLDER / "cases.json").write_text(json.dumps(judged, indent=1) + "\n")


def verdict(file: bytes) -> str:
    try:
        deserialize(file)
    except SafetensorError as error:
        return f"refused: {error}"
    return "accepted"


if __name__ == "__main__":
    main()
