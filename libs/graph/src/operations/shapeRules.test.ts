/** @file Shape and data type rules: what operations give, and what they refuse. Their values are tested in test/conformance. */
import { describe, expect, test } from "vitest";
import { DTypeError, ShapeError } from "../errors.ts";
import { input, type DType } from "../tensor.ts";
import type { Dim } from "../dims.ts";
import { add, div } from "./arithmetic.ts";
import { broadcastTo, sum, sumTo } from "./broadcasting.ts";
import { matMul } from "./matMul.ts";
import { pack, unpack } from "./packing.ts";
import { max, mean, sizeOf } from "./reductions.ts";
import { operationOf, operations } from "./registry.ts";
import { reshape, transpose, transposeLast } from "./reshape.ts";
import { gatherRows, oneHot, scatterAddRows } from "./rows.ts";
import { cast, equal, greater, where } from "./selection.ts";
import { concat, padZeros, slice } from "./slicing.ts";
import { softmax } from "./softmax.ts";
import { exp } from "./unary.ts";

const tensor = (shape: readonly Dim[], dtype: DType = "float32") => input("x", shape, dtype);
const x_TD = tensor(["T", 6]);

describe("arithmetic", () => {
  test("rejects operands of two data types, and bool", () => {
    expect(() => add(x_TD, tensor([6], "int32"))).toThrow(DTypeError);
    expect(() => add(tensor([6], "bool"), tensor([6], "bool"))).toThrow(DTypeError);
  });
  test("lifts numbers to the other operand's data type", () => {
    expect(div(1, x_TD)).toMatchObject({ shape: ["T", 6], dtype: "float32" });
    expect(add(tensor(["T"], "int32"), 1).dtype).toBe("int32");
  });
});

describe("comparisons", () => {
  test("give bool", () => {
    expect(greater(x_TD, 0)).toMatchObject({ shape: ["T", 6], dtype: "bool" });
    expect(equal(tensor([2], "bool"), tensor([2], "bool")).dtype).toBe("bool");
  });
  test("greater rejects bool", () => {
    expect(() => greater(tensor([2], "bool"), tensor([2], "bool"))).toThrow(DTypeError);
  });
});

describe("matMul()", () => {
  test("takes symbols as sizes, and batches that broadcast", () => {
    expect(matMul(x_TD, tensor([4, 6]), { transposeB: true }).shape).toEqual(["T", 4]);
    expect(matMul(tensor(["B", 1, "L", 3]), tensor([2, 3, "S"])).shape).toEqual(["B", 2, "L", "S"]);
    expect(matMul(x_TD, tensor(["T", 4]), { transposeA: true }).shape).toEqual([6, 4]);
  });
  test("rejects inner sizes that differ, and vectors", () => {
    expect(() => matMul(x_TD, tensor([4, 6]))).toThrow("inner sizes 6 and 4 differ");
    expect(() => matMul(x_TD, tensor([6]))).toThrow(ShapeError);
    expect(() => matMul(tensor(["B", 2, 3]), tensor(["T", 3, 2]))).toThrow(ShapeError);
  });
});

describe("reductions", () => {
  test("drop or keep their axes", () => {
    expect(sum(x_TD).shape).toEqual([]);
    expect(mean(x_TD, { axis: -1, keepDims: true }).shape).toEqual(["T", 1]);
    expect(max(x_TD, { axis: [0] }).shape).toEqual([6]);
  });
  test("over no axes give their input", () => {
    for (const reduce of [sum, mean, max]) expect(reduce(x_TD, { axis: [] })).toBe(x_TD);
    expect(sizeOf(x_TD, []).op).toBe("constant");
  });
  test("reject an axis that is not there, one given twice, and integers", () => {
    expect(() => sum(x_TD, { axis: 2 })).toThrow(ShapeError);
    expect(() => sum(x_TD, { axis: [1, -1] })).toThrow("axis given twice");
    expect(() => mean(tensor([3], "int32"))).toThrow(DTypeError);
  });
});

describe("reshape()", () => {
  test("splits and joins axes of known size beside a symbol", () => {
    expect(reshape(x_TD, ["T", 2, 3]).shape).toEqual(["T", 2, 3]);
  });
  test("gives its input where nothing changes", () => {
    expect(reshape(x_TD, ["T", 6])).toBe(x_TD);
  });
  test("rejects another number of values, or one that nobody knows to be the same", () => {
    expect(() => reshape(x_TD, ["T", 5])).toThrow(ShapeError);
    expect(() => reshape(x_TD, ["B", 6])).toThrow(ShapeError);
  });
});

describe("transpose()", () => {
  test("permutes sizes", () => {
    expect(transpose(tensor(["B", "L", 2, 3]), [0, 2, 1, 3]).shape).toEqual(["B", 2, "L", 3]);
    expect(transposeLast(x_TD).shape).toEqual([6, "T"]);
  });
  test("rejects what is no permutation", () => {
    expect(() => transpose(x_TD, [0, 0])).toThrow(ShapeError);
    expect(() => transpose(x_TD, [0])).toThrow(ShapeError);
    expect(() => transposeLast(tensor([3]))).toThrow(ShapeError);
  });
});

describe("broadcastTo() and sumTo()", () => {
  test("undo each other's shapes", () => {
    const stretched = broadcastTo(tensor([1, 6]), ["T", 6]);
    expect(stretched.shape).toEqual(["T", 6]);
    expect(sumTo(stretched, [1, 6]).shape).toEqual([1, 6]);
  });
  test("broadcastTo rejects a shape that would shrink", () => {
    expect(() => broadcastTo(x_TD, ["T", 1])).toThrow(ShapeError);
    expect(() => broadcastTo(x_TD, [6])).toThrow(ShapeError);
  });
});

describe("slice(), padZeros() and concat()", () => {
  test("give sizes along one axis", () => {
    expect(slice(x_TD, { axis: -1, start: 2, end: 6 }).shape).toEqual(["T", 4]);
    expect(padZeros(x_TD, { axis: 1, before: 1, after: 2 }).shape).toEqual(["T", 9]);
    expect(concat([x_TD, tensor(["T", 1])], 1).shape).toEqual(["T", 7]);
  });
  test("padZeros by nothing and concat of one tensor give their input", () => {
    expect(padZeros(x_TD, { axis: 1, before: 0, after: 0 })).toBe(x_TD);
    expect(concat([x_TD], 0)).toBe(x_TD);
  });
  test.each([
    [3, 3],
    [-1, 2],
    [0, 7],
  ])("slice rejects %d to %d of 6", (start, end) => {
    expect(() => slice(x_TD, { axis: 1, start, end })).toThrow(ShapeError);
  });
  test("reject a symbol along their axis, and shapes that differ elsewhere", () => {
    expect(() => slice(x_TD, { axis: 0, start: 0, end: 1 })).toThrow("must have a number as its size");
    expect(() => concat([x_TD, x_TD], 0)).toThrow(ShapeError);
    expect(() => concat([x_TD, tensor(["B", 6])], 1)).toThrow(ShapeError);
    expect(() => concat([], 0)).toThrow(ShapeError);
  });
});

describe("rows", () => {
  const index = tensor(["B", "L"], "int32");
  test("gatherRows puts the index's shape before the row's", () => {
    expect(gatherRows(tensor([11, 6]), index).shape).toEqual(["B", "L", 6]);
  });
  test("scatterAddRows takes the index's shape away", () => {
    expect(scatterAddRows(tensor(["B", "L", 6]), index, 11).shape).toEqual([11, 6]);
    expect(() => scatterAddRows(tensor(["L", "B", 6]), index, 11)).toThrow(ShapeError);
  });
  test("oneHot adds an axis", () => {
    expect(oneHot(index, 5)).toMatchObject({ shape: ["B", "L", 5], dtype: "float32" });
  });
  test("reject an index that is not int32", () => {
    expect(() => gatherRows(x_TD, x_TD)).toThrow(DTypeError);
    expect(() => oneHot(x_TD, 3)).toThrow(DTypeError);
  });
});

describe("unpack() and pack()", () => {
  const unpackIndex = tensor(["B", "L"], "int32");
  const packIndex = tensor(["T"], "int32");
  test("are each other's shapes", () => {
    const padded = unpack(x_TD, unpackIndex, packIndex);
    expect(padded.shape).toEqual(["B", "L", 6]);
    expect(pack(padded, unpackIndex, packIndex).shape).toEqual(["T", 6]);
  });
  test("reject another number of rows or texts", () => {
    expect(() => unpack(tensor(["B", 6]), unpackIndex, packIndex)).toThrow(ShapeError);
    expect(() => pack(tensor(["L", "B", 6]), unpackIndex, packIndex)).toThrow(ShapeError);
    expect(() => unpack(x_TD, packIndex, packIndex)).toThrow(ShapeError);
  });
});

describe("element-wise functions and softmax", () => {
  test("reject integers", () => {
    expect(() => exp(tensor([3], "int32"))).toThrow(DTypeError);
    expect(() => softmax(tensor([3], "int32"))).toThrow(DTypeError);
  });
  test("softmax rejects rank 0", () => {
    expect(() => softmax(tensor([]))).toThrow(ShapeError);
  });
});

describe("where() and cast()", () => {
  test("where broadcasts all three, and rejects a condition that is not bool and branches of two data types", () => {
    const isReal = tensor(["B", 1], "bool");
    expect(where(isReal, tensor(["L"]), 0).shape).toEqual(["B", "L"]);
    expect(() => where(x_TD, x_TD, x_TD)).toThrow(DTypeError);
    expect(() => where(isReal, tensor(["L"]), tensor(["L"], "int32"))).toThrow(DTypeError);
  });
  test("cast to the same data type gives its input", () => {
    expect(cast(x_TD, "float32")).toBe(x_TD);
  });
});

describe("operationOf()", () => {
  test("knows every primitive operation under its own name, and nothing else", () => {
    for (const [name, operation] of Object.entries(operations)) expect(operationOf(name)).toBe(operation);
    expect(Object.entries(operations).filter(([name, operation]) => operation.name !== name)).toEqual([]);
    expect([operationOf("input"), operationOf("toString")]).toEqual([undefined, undefined]);
  });
});
