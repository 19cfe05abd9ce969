/** @file Rows of a table by number: gather, its gradient scatter-add, and one-hot encoding. */
import { formatShape, type Dim } from "../dims.ts";
import { ShapeError } from "../errors.ts";
import { record, type Operation } from "../operation.ts";
import { expectDType, type Tensor } from "../tensor.ts";

export const gatherRowsOperation: Operation = {
  name: "gatherRows",
  infer([table, index]) {
    expectDType("gatherRows: index", index!, "int32");
    if (table!.shape.length === 0)
      throw new ShapeError(`gatherRows: expected a table of at least 1 axis, got ${formatShape(table!.shape)}`);
    return { shape: [...index!.shape, ...table!.shape.slice(1)], dtype: table!.dtype };
  },
  gradient({ inputs: [table, index], gradient }) {
    return [table!.dtype === "float32" ? scatterAddRows(gradient, index!, table!.shape[0]!) : null, null];
  },
};

/**
 * `table[index]`: row `index[i]` of the table for each entry of `index`.
 * @param table - `[V, ...]`
 * @param index - int32 of any shape, each entry from 0 to V - 1
 */
export const gatherRows = (table: Tensor, index: Tensor): Tensor => record(gatherRowsOperation, [table, index], {});

export const scatterAddRowsOperation: Operation<{ numRows: Dim }> = {
  name: "scatterAddRows",
  infer([rows, index], { numRows }) {
    expectDType("scatterAddRows: rows", rows!, "float32");
    expectDType("scatterAddRows: index", index!, "int32");
    const leading = rows!.shape.slice(0, index!.shape.length);
    if (formatShape(leading) !== formatShape(index!.shape)) {
      throw new ShapeError(
        `scatterAddRows: expected rows of shape ${formatShape([...index!.shape, "..."])}, got ${formatShape(rows!.shape)}`,
      );
    }
    return { shape: [numRows, ...rows!.shape.slice(index!.shape.length)], dtype: "float32" };
  },
  gradient: ({ inputs: [, index], gradient }) => [gatherRows(gradient, index!), null],
};

/**
 * A table of `numRows` rows, each the sum of the `rows` whose index names it; 0 where none does. Rows are added in the
 * order of `index`, so the result does not depend on a thread count.
 */
export const scatterAddRows = (rows: Tensor, index: Tensor, numRows: Dim): Tensor =>
  record(scatterAddRowsOperation, [rows, index], { numRows });

export const oneHotOperation: Operation<{ depth: number }> = {
  name: "oneHot",
  infer([index], { depth }) {
    expectDType("oneHot: index", index!, "int32");
    return { shape: [...index!.shape, depth], dtype: "float32" };
  },
  gradient: () => [null],
};

/** 1 at the place that each index names, 0 elsewhere; an index outside of 0 to `depth - 1` gives zeros only. */
export const oneHot = (index: Tensor, depth: number): Tensor => record(oneHotOperation, [index], { depth });
