import { add, gatherRows, graphOf, input, mul, scatterAddRows } from "@stagecoach/graph";
import { describe, expect, test } from "vitest";
import { addRows, separateTableSums } from "./tableSums.ts";

const index = input("index", ["T"], "int32");
const rows = mul(input("x", ["T", 2], "float32"), 3);
const base = input("base", [5, 2], "float32");
const namesOf = (nodes: readonly { readonly attributes: Readonly<Record<string, unknown>> }[]) =>
  nodes.map(({ attributes }) => attributes["name"]);

describe("separateTableSums()", () => {
  test("gives the session rows, once for several tables, and keeps what else there is", () => {
    const whole = graphOf({
      table: scatterAddRows(rows, index, 7),
      sum: add(base, scatterAddRows(rows, index, 5)),
      other: rows,
    });
    const { graph, tableSums } = separateTableSums(whole);
    expect(Object.fromEntries(tableSums)).toEqual({
      table: { rows: "/rows_0", index: "index", base: null },
      sum: { rows: "/rows_0", index: "index", base: "base" },
    });
    expect([...graph.outputs.keys()].toSorted()).toEqual(["/rows_0", "other"]);
    expect(namesOf(graph.inputs)).toEqual(["x"]);
  });
  test.each([
    ["a table that more is done with", mul(scatterAddRows(rows, index, 5), 2)],
    ["a base that is computed", add(mul(base, 2), scatterAddRows(rows, index, 5))],
    ["a base that stretches", add(input("narrow", [1, 2], "float32"), scatterAddRows(rows, index, 5))],
    ["an index that is computed", scatterAddRows(rows, mul(index, 1), 5)],
  ])("leaves %s in the graph", (_, y) => {
    const whole = graphOf({ y });
    expect(separateTableSums(whole)).toEqual({ graph: whole, tableSums: new Map() });
  });
  test("leaves a table whose inputs alone tell the size of a symbol", () => {
    const other = gatherRows(base, input("places", [4], "int32"));
    const sum = add(input("sum", ["V", 2], "float32"), scatterAddRows(other, input("rows", [4], "int32"), "V"));
    const whole = graphOf({ other, total: sum });
    expect(separateTableSums(whole)).toEqual({ graph: whole, tableSums: new Map() });
  });
});

describe("addRows()", () => {
  test("adds in the order of the index, in float32", () => {
    const table = Float32Array.of(0, 0, 2 ** 24, 1);
    addRows(table, Int32Array.of(1, 0, 1), Float32Array.of(1, 0.5, 7, 8, 1, 0.25));
    expect([...table]).toEqual([7, 8, 2 ** 24, 1.75]);
  });
  test.each([-1, 2])("refuses row %i of a table of two", (row) => {
    expect(() => addRows(new Float32Array(4), Int32Array.of(row), new Float32Array(2))).toThrow(RangeError);
  });
});
