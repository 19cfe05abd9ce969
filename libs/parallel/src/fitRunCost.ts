/** @file Least squares for the cost of a run (lengthGroups.ts), from a few timed runs of different shapes. */
import type { RunCost } from "./lengthGroups.ts";

/** One timed run. */
export type TimedRun = { readonly lengths: readonly number[]; readonly seconds: number };

const parts = ["fixed", "token", "padded", "attention"] as const;

/**
 * Text lengths of the runs that tell the parts of the cost apart: small and large, and one whose attention is mostly padding.
 * @param maxLength - longest text of the model; shapes are cut to it
 */
export function calibrationShapes(maxLength: number): number[][] {
  const [long, half, medium, short] = [256, 128, 64, 16].map((length) => Math.min(length, maxLength)) as [
    number,
    number,
    number,
    number,
  ];
  // Small, since an engine's memory never shrinks below what its largest run has needed.
  return [[short], [medium, medium, medium, medium], [half, short, short, short], [long]];
}

/**
 * Coefficients of at least 0 that fit the runs best, relative to each run's time. A part that would be negative is left out
 * and the others are fitted anew (active set).
 */
export function fitRunCost(runs: readonly TimedRun[]): RunCost {
  // A coarse clock can show no time at all: such a run says nothing.
  const timed = runs.filter(({ seconds }) => seconds > 0);
  const rows = timed.map(({ lengths, seconds }) => {
    const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
    const tokens = lengths.reduce((a, b) => a + b, 0);
    const padded = lengths.length * longest;
    return [1, tokens, padded, padded * longest].map((value) => value / seconds);
  });
  let active = parts.map((_, index) => index);
  for (;;) {
    const solution = solveNormalEquations(rows, active);
    const worst = active.reduce((a, b) => (solution[b]! < solution[a]! ? b : a), active[0]!);
    if (active.length === 1 || solution[worst]! >= 0) {
      const value = (index: number) => Math.max(0, solution[index] ?? 0);
      return { fixed: value(0), token: value(1), padded: value(2), attention: value(3) };
    }
    active = active.filter((index) => index !== worst);
  }
}

/** Solve `A^T A x = A^T 1` for the active columns by Gaussian elimination with pivoting. */
function solveNormalEquations(rows: readonly (readonly number[])[], active: readonly number[]): Record<number, number> {
  // Columns differ by orders of magnitude: scale them to comparable sizes first.
  const scale = active.map((column) => Math.hypot(...rows.map((row) => row[column]!)) || 1);
  const matrix = active.map((left, i) => [
    ...active.map((right, j) =>
      rows.reduce((total, row) => total + (row[left]! * row[right]!) / (scale[i]! * scale[j]!), 0),
    ),
    rows.reduce((total, row) => total + row[left]! / scale[i]!, 0),
  ]);
  const size = active.length;
  for (let pivot = 0; pivot < size; pivot++) {
    const largest = matrix
      .slice(pivot)
      .reduce((best, row, at) => (Math.abs(row[pivot]!) > Math.abs(matrix[best]![pivot]!) ? at + pivot : best), pivot);
    [matrix[pivot], matrix[largest]] = [matrix[largest]!, matrix[pivot]!];
    const head = matrix[pivot]!;
    // A vanishing pivot: this column is a combination of others (all texts had one length); it gets 0.
    if (Math.abs(head[pivot]!) < 1e-12) continue;
    for (let row = 0; row < size; row++) {
      if (row === pivot) continue;
      const factor = matrix[row]![pivot]! / head[pivot]!;
      for (let column = pivot; column <= size; column++) matrix[row]![column]! -= factor * head[column]!;
    }
  }
  return Object.fromEntries(
    active.map((column, i) => {
      const pivot = matrix[i]![i]!;
      return [column, Math.abs(pivot) < 1e-12 ? 0 : matrix[i]![size]! / pivot / scale[i]!];
    }),
  );
}
