import { describe, expect, test } from "vitest";
import { graphOf, type Graph } from "../graph.ts";
import { add, div, mul, sub } from "../operations/arithmetic.ts";
import { matMul } from "../operations/matMul.ts";
import { mean } from "../operations/reductions.ts";
import { gatherRows } from "../operations/rows.ts";
import { erf, sqrt, square, tanh } from "../operations/unary.ts";
import { input, parameter, type Tensor } from "../tensor.ts";
import { computeNeededRows } from "./neededRows.ts";

const x = input("x", ["T", 4], "float32");
const first = input("first", ["B"], "int32");
const other = input("other", ["B"], "int32");
const weight = parameter("weight", [4, 4]);

const linear = (h: Tensor) => add(matMul(h, weight, { transposeB: true }), parameter("bias", [4]));
const norm = (h: Tensor) => {
  const centred = sub(h, mean(h, { axis: -1, keepDims: true }));
  return div(centred, sqrt(add(mean(square(centred), { axis: -1, keepDims: true }), 1e-5)));
};
/** `operation of B rows` or `operation of T rows` for every node but inputs. */
const sizes = (graph: Graph) =>
  new Set(graph.nodes.filter(({ inputs }) => inputs.length > 0).map(({ op, shape }) => `${op} ${String(shape[0])}`));
const before = (graph: Graph) => graph.nodes.filter(({ op }) => op === "gatherRows").map(({ inputs }) => inputs[0]);

describe("computeNeededRows()", () => {
  test("computes projection, residual, norm and activation for the rows that are read", () => {
    const y = gatherRows(norm(add(erf(linear(x)), x)), first);
    const graph = computeNeededRows(graphOf({ y: tanh(y) }));
    expect([...sizes(graph)].filter((each) => each.endsWith("T"))).toEqual([]);
    expect(before(graph)).toEqual([x]);
    expect(graph.outputs.get("y")!.shape).toEqual(["B", 4]);
  });
  test("computes a value once that several of its users need", () => {
    const shared = erf(x);
    const graph = computeNeededRows(graphOf({ y: gatherRows(add(shared, tanh(shared)), first) }));
    expect(graph.nodes.filter(({ op }) => op === "erf")).toHaveLength(1);
  });
  test("leaves a value that is an output as well, or of which different rows are read", () => {
    const [output, read] = [erf(x), tanh(x)];
    const whole = graphOf({
      output,
      y: gatherRows(output, first),
      z: gatherRows(read, first),
      w: gatherRows(read, other),
    });
    expect(computeNeededRows(whole).nodes).toEqual(whole.nodes);
  });
  test("stops at operations that mix rows, such as a product of a value with itself", () => {
    const mixed = matMul(matMul(x, x, { transposeB: true }), x);
    const graph = computeNeededRows(graphOf({ y: gatherRows(mul(mixed, 2), first) }));
    expect(sizes(graph)).toEqual(new Set(["matMul T", "gatherRows B", "matMul B", "mul B"]));
  });
});
