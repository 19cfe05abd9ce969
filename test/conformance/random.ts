/** @file Reproducible values for tests. */
import { float32, type HostTensor } from "@stagecoach/engine";

/**
 * A generator of numbers from 0 to 1 (mulberry32).
 * @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** float32 values from -1 to 1. */
export function randomTensor(shape: readonly number[], random: () => number): HostTensor {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return float32(
    Float32Array.from({ length: size }, () => random() * 2 - 1),
    shape,
  );
}
