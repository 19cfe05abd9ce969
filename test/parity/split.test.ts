/** @file k stages give the bytes of one on every engine that npm brings; tfjs-node: test/interop. A frame brings bytes as they were. */
import { loadEngine, type EngineName } from "@stagecoach/engine/node";
import { decodeFrame, encodeFrame } from "@stagecoach/parallel";
import { crc32 } from "@stagecoach/parallel/node";
import { describe, expect, test } from "vitest";
import { bytesOf, splitCases } from "./splitCases.ts";

const engines: readonly { readonly name: EngineName; readonly threads: number }[] = [
  { name: "onnxruntime", threads: 1 },
  { name: "onnxruntime", threads: 2 },
  { name: "tfjs-wasm", threads: 1 },
];

describe.each(engines)("a pipeline of k stages on $name with $threads threads", ({ name, threads }) => {
  splitCases(() => loadEngine(name, { threads }), { withRealModel: name === "onnxruntime", rawTolerance: 1e-6 });
});

test("a frame gives back the bytes that it was given", () => {
  const data = Float32Array.from({ length: 5 * 7 }, (_, index) => Math.sin(index) * 10 ** (index % 30) || -0);
  const frame = {
    kind: "forward",
    run: 0,
    epoch: 3,
    step: 0,
    microBatch: 9,
    attempt: 0,
    meta: {},
    tensors: [{ name: "hidden", dtype: "float32", shape: [5, 7], data }],
  } as const;
  expect(bytesOf(decodeFrame(encodeFrame(frame, crc32), crc32).tensors[0]!.data)).toEqual(bytesOf(data));
});
