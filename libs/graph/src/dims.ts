/**
 * @file Shapes whose sizes may be symbols, and the rules by which they combine.
 *
 * A dimension is a number, or a symbol (`"T"`, `"B"`, `"L"`) whose value an engine learns from the inputs of a run.
 * Two dimensions are equal when they are the same number or the same symbol: nothing is assumed about a symbol's value,
 * so `1` broadcasts against `"T"`, and `"T"` does not broadcast against `"B"`.
 * A symbol that starts with `?` is a wildcard: it occurs only in fusion templates (passes/fuse.ts) and stands for any dimension.
 */
import { ShapeError } from "./errors.ts";

export type Dim = number | string;
export type Shape = readonly Dim[];

/** A shape as people write it: `[T, 384]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

export function isWildcard(dim: Dim): dim is string {
  return typeof dim === "string" && dim.startsWith("?");
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}

/** An axis counted from the front; negative ones count from the back, as in NumPy. */
export function normalizeAxis(where: string, axis: number, rank: number): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank) {
    throw new ShapeError(
      `${where}: expected an axis from ${-rank} to ${rank - 1} for a tensor of rank ${rank}, got ${axis}`,
    );
  }
  return normalized;
}

/** NumPy's broadcasting: shapes are aligned at the last axis, and 1 stretches to anything. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - (rank - a.length)] ?? 1;
    const right = b[axis - (rank - b.length)] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new ShapeError(
      `${where}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast (axis ${axis}: ${left} and ${right})`,
    );
  });
}

/** Axes of `wide` along which `narrow` was stretched to become `wide`, added leading axes included. */
export function broadcastAxes(narrow: Shape, wide: Shape): number[] {
  const added = wide.length - narrow.length;
  return wide.flatMap((dim, axis) => (axis < added || narrow[axis - added] !== dim ? [axis] : []));
}

/**
 * Whether two shapes hold the same number of elements, as far as symbols can tell: equal symbols cancel, the numbers
 * that are left must have equal products.
 */
export function sameSize(a: Shape, b: Shape): boolean {
  if ([...a, ...b].some(isWildcard)) return true;
  const product = (shape: Shape) =>
    shape.reduce<number>((size, dim) => (typeof dim === "number" ? size * dim : size), 1);
  const symbols = (shape: Shape) =>
    shape
      .filter((dim) => typeof dim === "string")
      .toSorted()
      .join();
  return symbols(a) === symbols(b) && product(a) === product(b);
}

/** Number of elements of a shape without symbols. */
export function sizeOfShape(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** Values of symbols in one run, collected from the shapes of its inputs. */
export type Bindings = ReadonlyMap<string, number>;

/**
 * Put numbers in the place of symbols.
 * @throws ShapeError for a symbol that no input has bound
 */
export function resolveShape(shape: Shape, bindings: Bindings): number[] {
  return shape.map((dim) => {
    if (typeof dim === "number") return dim;
    const value = bindings.get(dim);
    if (value === undefined)
      throw new ShapeError(`the size of ${formatShape(shape)} is unknown: no input has the dimension "${dim}"`);
    return value;
  });
}

/**
 * Match the shapes that a run was given against those that the graph declared, and learn the symbols.
 *
 * @param inputs - name, declared shape and actual shape of each input
 * @throws ShapeError when a rank or a number differs, when one symbol would have two values, or when a size is 0
 */
export function bindShapes(
  inputs: Iterable<{ readonly name: string; readonly declared: Shape; readonly actual: readonly number[] }>,
): Bindings {
  const bindings = new Map<string, number>();
  for (const { name, declared, actual } of inputs) {
    const mismatch = (why: string) =>
      new ShapeError(`input "${name}": expected shape ${formatShape(declared)}, got ${formatShape(actual)} (${why})`);
    if (declared.length !== actual.length) throw mismatch(`rank ${actual.length} instead of ${declared.length}`);
    declared.forEach((dim, axis) => {
      const size = actual[axis]!;
      if (size === 0) throw mismatch("an empty batch has no result; give at least one element");
      if (typeof dim === "number") {
        if (dim !== size) throw mismatch(`axis ${axis} must be ${dim}`);
        return;
      }
      const known = bindings.get(dim);
      if (known !== undefined && known !== size) throw mismatch(`"${dim}" is ${known} in another place`);
      bindings.set(dim, size);
    });
  }
  return bindings;
}
