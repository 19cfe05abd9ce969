/** @file Cutting along an axis and putting together: slice, padZeros, concat. */
import { formatShape, normalizeAxis, sameShape, type Dim } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import { expectDType, type Tensor } from "../tensor.ts";

export const sliceOperation: Operation<{ axis: number; start: number; end: number }> = {
  name: "slice",
  infer([x], { axis, start, end }) {
    const size = numericSize("slice", x!, axis);
    if (!(Number.isInteger(start) && Number.isInteger(end) && 0 <= start && start < end && end <= size)) {
      throw new ShapeError(
        `slice: expected 0 <= start < end <= ${size} on axis ${axis} of ${formatShape(x!.shape)}, got ${start} to ${end}`,
      );
    }
    return { shape: x!.shape.with(axis, end - start), dtype: x!.dtype };
  },
  gradient({ inputs: [x], attributes: { axis, start, end }, gradient }) {
    return [padZeros(gradient, { axis, before: start, after: numericSize("slice", x!, axis) - end })];
  },
};

/** Elements `start` to `end` (not included) of an axis whose size is a number. */
export function slice(
  x: Tensor,
  range: { readonly axis: number; readonly start: number; readonly end: number },
): Tensor {
  const axis = normalizeAxis("slice", range.axis, x.shape.length);
  return record(sliceOperation, [x], { axis, start: range.start, end: range.end });
}

export const padZerosOperation: Operation<{ axis: number; before: number; after: number }> = {
  name: "padZeros",
  infer([x], { axis, before, after }) {
    expectDType("padZeros", x!, "float32");
    if (!(Number.isInteger(before) && Number.isInteger(after) && before >= 0 && after >= 0)) {
      throw new ShapeError(`padZeros: expected counts from 0, got ${before} before and ${after} after`);
    }
    return { shape: x!.shape.with(axis, before + numericSize("padZeros", x!, axis) + after), dtype: "float32" };
  },
  gradient({ inputs: [x], attributes: { axis, before }, gradient }) {
    return [slice(gradient, { axis, start: before, end: before + numericSize("padZeros", x!, axis) })];
  },
};

/** Zeros before and after, along one axis whose size is a number. */
export function padZeros(
  x: Tensor,
  padding: { readonly axis: number; readonly before: number; readonly after: number },
): Tensor {
  const axis = normalizeAxis("padZeros", padding.axis, x.shape.length);
  if (padding.before === 0 && padding.after === 0) return x;
  return record(padZerosOperation, [x], { axis, before: padding.before, after: padding.after });
}

export const concatOperation: Operation<{ axis: number }> = {
  name: "concat",
  infer(inputs, { axis }) {
    const [first, ...rest] = inputs as [Tensor, ...Tensor[]];
    const misfit = rest.find(
      (each) =>
        each.dtype !== first.dtype ||
        each.shape.length !== first.shape.length ||
        !sameShape(each.shape.with(axis, 1), first.shape.with(axis, 1)),
    );
    if (misfit) {
      throw new ShapeError(
        `concat: ${formatShape(misfit.shape)} and ${formatShape(first.shape)} differ outside of axis ${axis}`,
      );
    }
    const total = inputs.reduce((size, each) => size + numericSize("concat", each, axis), 0);
    return { shape: first.shape.with(axis, total), dtype: first.dtype };
  },
  gradient({ inputs, attributes: { axis }, gradient }) {
    let end = 0;
    return inputs.map((each) => {
      const start = end;
      end += numericSize("concat", each, axis);
      return slice(gradient, { axis, start, end });
    });
  },
};

/** Put tensors one after another along an axis whose sizes are numbers. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError("concat: expected at least one tensor, got none");
  return tensors.length === 1
    ? first
    : record(concatOperation, tensors, { axis: normalizeAxis("concat", axis, first.shape.length) });
}

function numericSize(where: string, x: Tensor, axis: number): number {
  const size: Dim | undefined = x.shape[axis];
  if (typeof size === "number") return size;
  throw new ShapeError(`${where}: axis ${axis} of ${formatShape(x.shape)} must have a number as its size`);
}
