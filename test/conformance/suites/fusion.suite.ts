/**
 * @file Fused operations: what an engine's one kernel computes against the operations that it replaces.
 *
 * Dimensions: T packed tokens, B texts, L longest text, D hidden size, N heads, H head size, F feed-forward size.
 */
import { createReferenceEngine, evaluateConstant, int32, type HostTensor } from "@stagecoach/engine";
import {
  add,
  backpropagate,
  differentiableFusions,
  div,
  erf,
  fuse,
  fusedOperationNames,
  graphOf,
  greaterEqual,
  input,
  LOWEST,
  matMul,
  mean,
  mul,
  optimize,
  pack,
  parameter,
  reshape,
  softmax,
  sqrt,
  square,
  sub,
  tanh,
  transpose,
  unpack,
  where,
  withScope,
  type Dim,
  type FusedOperationName,
  type Graph,
  type Tensor,
} from "@stagecoach/graph";
import { describe, expect } from "vitest";
import { expectClose, FLOAT32_TOLERANCE } from "../compare.ts";
import type { Conformance } from "../engine.case.ts";
import { generator, randomTensor } from "../random.ts";
import { runGraph } from "../runGraph.ts";

const lengths = [3, 1, 7];
const [T, B, L, D, N, H, F] = [11, 3, 7, 12, 3, 4, 17];

/** How a step of a formula is recorded: as it is, or in a scope of its own, which fusion does not cross. */
type Step = (record: () => Tensor) => Tensor;

export function fusionSuite({ engine, claim }: Conformance): void {
  describe("fusion", () => {
    for (const name of fusedOperationNames) {
      claim(`${name} computes what the operations that it replaces compute`, async ({ skip }) => {
        const { fusedOperations } = engine();
        skip(!fusedOperations.has(name), "this engine has no such kernel");
        let scopes = 0;
        const fused = graphOf({ y: formulas[name]((record) => record()) });
        const unfused = graphOf({ y: formulas[name]((record) => withScope(`step ${scopes++}`, record)) });
        const operationsOf = (graph: Graph) =>
          optimize(graph, { fusedOperations, evaluate: evaluateConstant }).nodes.map(({ op }) => op);
        expect(operationsOf(fused)).toContain(name);
        expect(operationsOf(unfused)).not.toContain(name);

        const given = values(fused);
        const actual = await runGraph(engine(), fused, given);
        const apart = await runGraph(engine(), unfused, given);
        const reference = await runGraph(createReferenceEngine(), unfused, given);
        expectClose(actual["y"]!, apart["y"]!, { tolerance: FLOAT32_TOLERANCE });
        expectClose(actual["y"]!, reference["y"]!, { tolerance: FLOAT32_TOLERANCE });
      });
    }
    for (const name of differentiableFusions) {
      claim(`the gradient rule of ${name} gives the gradients of the operations that it replaces`, async ({ skip }) => {
        const { fusedOperations } = engine();
        skip(!fusedOperations.has(name), "this engine has no such kernel");
        const formula = graphOf({ y: formulas[name]((record) => record()) });
        const fused = fuse(formula, new Set([name]));
        expect(fused.outputs.get("y")!.op).toBe(name);
        const given = values(gradientGraph(formula));
        const actual = await runGraph(engine(), gradientGraph(fused), given);
        const expected = await runGraph(createReferenceEngine(), gradientGraph(formula), given);
        expect(Object.keys(actual)).toEqual(Object.keys(expected));
        for (const [each, tensor] of Object.entries(expected))
          expectClose(actual[each]!, tensor, { tolerance: FLOAT32_TOLERANCE });
      });
    }
  });
}

/** Gradients of `y` with respect to all parameters and float32 inputs, for an `upstream` gradient that is given. */
function gradientGraph({ inputs, parameters, outputs }: Graph): Graph {
  const output = outputs.get("y")!;
  const sources = [...inputs.filter(({ dtype }) => dtype === "float32"), ...parameters];
  const gradient = input("upstream", output.shape, "float32");
  const gradients = backpropagate([{ output, gradient }], sources);
  return graphOf(
    Object.fromEntries(sources.map((node, at) => [`gradient of ${String(node.attributes["name"])}`, gradients[at]!])),
  );
}

const x_TF = () => input("x", ["T", F], "float32");
const x_TD = (name = "x") => input(name, ["T", D], "float32");

const formulas: Readonly<Record<FusedOperationName, (step: Step) => Tensor>> = {
  gelu: (step) => exactGelu(x_TF(), step),
  biasGelu: (step) =>
    exactGelu(
      step(() => add(x_TF(), parameter("bias", [F]))),
      step,
    ),
  geluTanh(step) {
    const x = x_TF();
    const cubic = step(() => mul(mul(square(x), x), 0.044715));
    const inner = step(() => mul(add(x, cubic), Math.sqrt(2 / Math.PI)));
    return step(() => mul(mul(x, 0.5), add(tanh(inner), 1)));
  },
  linear(step) {
    const product = step(() => matMul(x_TD(), parameter("weight", [F, D]), { transposeB: true }));
    return step(() => add(product, parameter("bias", [F])));
  },
  layerNormalization: (step) => normalized(x_TD(), step),
  standardization(step) {
    const difference = step(() => centred(x_TD()));
    return step(() => div(difference, deviation(difference)));
  },
  inverseDeviation(step) {
    const difference = step(() => centred(x_TD()));
    return step(() => div(1, deviation(difference)));
  },
  maskedSoftmax(step) {
    const scores = input("scores", ["B", N, "L", "L"], "float32");
    const isReal = reshape(greaterEqual(unpackIndex(), 0), ["B", 1, 1, "L"]);
    const masked = step(() => where(isReal, scores, LOWEST));
    return step(() => softmax(masked));
  },
  scaledProduct(step) {
    const product = step(() => matMul(x_TD(), parameter("weight", [F, D]), { transposeB: true }));
    return step(() => mul(product, 0.3));
  },
  skipLayerNormalization(step) {
    const biased = step(() => add(x_TD(), parameter("bias", [D])));
    return normalized(
      step(() => add(biased, x_TD("skip"))),
      step,
    );
  },
  unpackHeads(step) {
    const rows = step(() => unpack(reshape(x_TD(), ["T", N, H]), unpackIndex(), packIndex()));
    return step(() => transpose(rows, [0, 2, 1, 3]));
  },
  packHeads(step) {
    const x_BLNH = step(() => transpose(input("heads", ["B", N, "L", H], "float32"), [0, 2, 1, 3]));
    return step(() => reshape(pack(x_BLNH, unpackIndex(), packIndex()), ["T", D]));
  },
  packedAttention: (step) => attention(step, null),
  packedBiasedAttention: (step) => attention(step, parameter("attentionBias", [1, N, 7, 7])),
};

function exactGelu(x: Tensor, step: Step): Tensor {
  const half = step(() => mul(x, 0.5));
  return step(() => mul(half, add(erf(mul(x, Math.SQRT1_2)), 1)));
}

const unpackIndex = (longest: Dim = "L") => input("unpackIndex", ["B", longest], "int32");
const packIndex = () => input("packIndex", ["T"], "int32");

const lastAxis = { axis: -1, keepDims: true } as const;

const centred = (x: Tensor) => sub(x, mean(x, lastAxis));
const deviation = (difference: Tensor) => sqrt(add(mean(square(difference), lastAxis), 1e-12));

function normalized(x: Tensor, step: Step): Tensor {
  const difference = step(() => centred(x));
  const size = step(() => deviation(difference));
  return step(() => add(mul(div(difference, size), parameter("weight", [D])), parameter("shift", [D])));
}

/** With a bias the length of the longest text is a number, since the bias has one entry for each pair of places. */
function attention(step: Step, bias: Tensor | null): Tensor {
  const longest = bias === null ? "L" : L;
  const [toPadded, toPacked] = [unpackIndex(longest), packIndex()];
  const heads = (name: string) => {
    const x_TNH = step(() => reshape(x_TD(name), ["T", N, H]));
    return step(() => transpose(unpack(x_TNH, toPadded, toPacked), [0, 2, 1, 3]));
  };
  const query = heads("query");
  const key = heads("key");
  const scaled = step(() => mul(matMul(query, key, { transposeB: true }), 0.5));
  const scores = bias === null ? scaled : step(() => add(scaled, bias));
  const isReal = step(() => reshape(greaterEqual(toPadded, 0), ["B", 1, 1, longest]));
  const weights = step(() => softmax(where(isReal, scores, LOWEST)));
  const value = heads("value");
  const context = step(() => matMul(weights, value));
  const packed = step(() => pack(transpose(context, [0, 2, 1, 3]), toPadded, toPacked));
  return step(() => reshape(packed, ["T", D]));
}

function values(graph: Graph): {
  readonly inputs: Record<string, HostTensor>;
  readonly parameters: Record<string, HostTensor>;
} {
  const random = generator(5);
  const sizes: Readonly<Record<string, number>> = { T, B, L };
  const valuesOf = (node: Tensor) => {
    const shape = node.shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]!));
    const name = String(node.attributes["name"]);
    return [name, indices[name] ?? randomTensor(shape, random)] as const;
  };
  return {
    inputs: Object.fromEntries(graph.inputs.map(valuesOf)),
    parameters: Object.fromEntries(graph.parameters.map(valuesOf)),
  };
}

const places = lengths.flatMap((length, text) => Array.from({ length }, (_, position) => text * L + position));
const indices: Readonly<Record<string, HostTensor>> = {
  packIndex: int32(places, [T]),
  unpackIndex: int32(
    Array.from({ length: B * L }, (_, place) => places.indexOf(place)),
    [B, L],
  ),
};
