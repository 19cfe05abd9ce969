/** @file Frames for tests: random ones, and damaged ones whose checksum is in order. */
import { frameKinds, type Frame, type FrameTensor } from "../frame.ts";
import { crc32 } from "../node/clock.ts";
import type { Random } from "./random.ts";

/** Some frame: any kind, up to four tensors of rank 0 to 4, sizes from 0. */
export function frameOf(random: Random): Frame {
  return {
    kind: random.pick(frameKinds),
    run: random.pick([0, 1, Number.MAX_SAFE_INTEGER]),
    epoch: random.whole(0, 0xffffffff),
    step: random.whole(0, 0xffffffff),
    microBatch: random.whole(0, 0xffffffff),
    attempt: random.whole(0, 0xffff),
    meta: random.pick([{}, { output: "sentence", timings: [] }, { note: "\u00e9".repeat(random.whole(0, 90)) }]),
    tensors: Array.from({ length: random.whole(0, 4) }, (_, index) => tensorOf(random, `tensor_${index}`)),
  };
}

function tensorOf(random: Random, name: string): FrameTensor {
  const shape = Array.from({ length: random.whole(0, 4) }, () => random.whole(random.chance(0.1) ? 0 : 1, 6));
  const size = shape.reduce((a, b) => a * b, 1);
  const unusual = [0, -0, Number.NaN, Infinity, -Infinity, 1e-45, 3.4028234663852886e38];
  return random.chance(0.5)
    ? {
        name,
        dtype: "int32",
        shape,
        data: Int32Array.from({ length: size }, () => random.whole(-(2 ** 31), 2 ** 31 - 1)),
      }
    : {
        name,
        dtype: "float32",
        shape,
        data: Float32Array.from({ length: size }, () => (random.chance(0.2) ? random.pick(unusual) : random.normal())),
      };
}

/** Put the right checksum into a message, whatever else is wrong with it. */
export function setChecksum(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(48, 0, true);
  view.setUint32(48, crc32(bytes), true);
  return bytes;
}
