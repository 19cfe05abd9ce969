/** @file Comparison of tensors, and a report of the largest error of each operation. */
import type { HostTensor } from "@stagecoach/engine";
import { expect } from "vitest";

/** Float32 has 2^-24 = 6e-8 of relative error in each rounding; a few of them, beside the largest value. */
export const FLOAT32_TOLERANCE = 1e-6;

export type Comparison = {
  /** Allowed error relative to the largest expected magnitude. */
  readonly tolerance: number;
  /** Told the largest absolute error, and the largest expected magnitude. */
  readonly onError?: (error: number, largest: number) => void;
};

/** Data types, shapes, integers and booleans must be equal; floats may differ by the tolerance. */
export function expectClose(actual: HostTensor, expected: HostTensor, { tolerance, onError }: Comparison): void {
  expect({ dtype: actual.dtype, shape: [...actual.shape] }).toEqual({
    dtype: expected.dtype,
    shape: [...expected.shape],
  });
  if (expected.dtype !== "float32") {
    expect([...actual.data]).toEqual([...expected.data]);
    return;
  }
  const largest = largestOf(expected);
  const error = maxAbsError(actual, expected);
  onError?.(error, largest);
  expect(error, `largest absolute error beside a largest magnitude of ${largest}`).toBeLessThanOrEqual(
    tolerance * largest,
  );
}

/** Largest magnitude of a value. */
export function largestOf({ data }: HostTensor): number {
  let largest = 0;
  for (const value of data) largest = Math.max(largest, Math.abs(value));
  return largest;
}

/** Largest absolute difference; NaN when one side is not a number and the other is. */
export function maxAbsError(actual: HostTensor, expected: HostTensor): number {
  let largest = 0;
  for (let place = 0; place < expected.data.length; place++) {
    const [a, b] = [actual.data[place]!, expected.data[place]!];
    if (Object.is(a, b)) continue;
    const difference = Math.abs(a - b);
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(largest)) return NaN;
  }
  return largest;
}

/** The largest error of each operation, to be printed after a suite. */
export class ErrorReport {
  readonly #worst = new Map<string, { readonly absolute: number; readonly relative: number }>();

  add(operation: string, error: number, largest: number): void {
    const { absolute = 0, relative = 0 } = this.#worst.get(operation) ?? {};
    this.#worst.set(operation, {
      absolute: Math.max(absolute, error),
      relative: Math.max(relative, largest === 0 ? 0 : error / largest),
    });
  }

  /** One line per operation: absolute error, and relative to the largest magnitude of its tensor. */
  print(title: string): void {
    const lines = [...this.#worst]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(
        ([name, { absolute, relative }]) =>
          `  ${name.padEnd(24)} ${absolute.toExponential(1)}  ${relative.toExponential(1)}`,
      );
    process.stdout.write(
      `${title}: largest error, absolute and relative to the largest magnitude\n${lines.join("\n")}\n`,
    );
  }
}
