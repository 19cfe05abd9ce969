/**
 * @file What each fused operation stands for, written with the primitive operations that it replaces.
 *
 * The names follow ONNX Runtime's fused operators. An engine lists those it has a kernel for (`Engine.fusedOperations`);
 * for an engine without them the primitives stay. The formulas must be those of libs/transformer (a test there holds the
 * two together): a template that matches nothing would cost speed, never correctness.
 *
 * Dimensions: T packed tokens, B batch, L longest text, D hidden size, N heads, H head size, F feed-forward size.
 */
import type { Dim } from "../dims.ts";
import { add, div, mul, sub } from "../operations/arithmetic.ts";
import { matMul } from "../operations/matMul.ts";
import { pack, unpack } from "../operations/packing.ts";
import { mean } from "../operations/reductions.ts";
import { reshape, transpose } from "../operations/reshape.ts";
import { greaterEqual, where } from "../operations/selection.ts";
import { softmax } from "../operations/softmax.ts";
import { erf, sqrt, square, tanh } from "../operations/unary.ts";
import { constant, createTensor, type Tensor } from "../tensor.ts";
import { hole, placeholder } from "./match.ts";

export const fusedOperationNames = [
  "packedAttention",
  "packedBiasedAttention",
  "unpackHeads",
  "packHeads",
  "skipLayerNormalization",
  "layerNormalization",
  "standardization",
  "inverseDeviation",
  "maskedSoftmax",
  "biasGelu",
  "gelu",
  "geluTanh",
  "linear",
  "scaledProduct",
] as const;

export type FusedOperationName = (typeof fusedOperationNames)[number];

/** Tensors that a fused node takes, in order, and its attributes, by the names of placeholders, holes and wildcards. */
export type FusionTemplate = {
  readonly root: Tensor;
  readonly inputs: readonly string[];
  /** Attribute name to the hole or wildcard that gives its value. */
  readonly attributes: Readonly<Record<string, string>>;
};

/** `rank` is that of the node to be matched: axes counted from the front depend on it. `null`: no such template for it. */
export const fusionTemplates: Readonly<Record<FusedOperationName, (rank: number) => FusionTemplate | null>> = {
  packedAttention: (rank) => (rank === 2 ? attentionTemplate(false) : null),
  packedBiasedAttention: (rank) => (rank === 2 ? attentionTemplate(true) : null),

  unpackHeads: (rank) =>
    rank === 4
      ? {
          root: heads(placeholder("x", ["?T", "?D"]), packingIndices()),
          inputs: ["x", "unpackIndex", "packIndex"],
          attributes: { numHeads: "?N" },
        }
      : null,

  packHeads: (rank) =>
    rank === 2
      ? {
          root: packedRows(placeholder("x", ["?B", "?N", "?L", "?H"]), packingIndices()),
          inputs: ["x", "unpackIndex", "packIndex"],
          attributes: { numHeads: "?N" },
        }
      : null,

  skipLayerNormalization(rank) {
    if (rank === 0) return null;
    const biased = add(placeholder("x", axes(rank, "?D")), placeholder("bias", ["?D"]));
    const root = normalized(add(biased, placeholder("skip", axes(rank, "?D"))));
    return { root, inputs: ["x", "skip", "weight", "shift", "bias"], attributes: { epsilon: "epsilon" } };
  },

  layerNormalization(rank) {
    if (rank === 0) return null;
    const root = normalized(placeholder("x", axes(rank, "?D")));
    return { root, inputs: ["x", "weight", "shift"], attributes: { epsilon: "epsilon" } };
  },

  standardization(rank) {
    if (rank === 0) return null;
    const x = placeholder("x", axes(rank));
    return { root: div(centred(x), deviation(centred(x))), inputs: ["x"], attributes: { epsilon: "epsilon" } };
  },

  inverseDeviation(rank) {
    if (rank === 0) return null;
    const x = placeholder("x", axes(rank));
    return { root: div(1, deviation(centred(x))), inputs: ["x"], attributes: { epsilon: "epsilon" } };
  },

  /** The mask has the rank of the scores and says where they count. */
  maskedSoftmax(rank) {
    if (rank === 0) return null;
    const shape = axes(rank);
    const mask = placeholder(
      "mask",
      Array.from(shape, (_, axis) => `?mask${axis}`),
      "bool",
    );
    const branches = [placeholder("x", shape), constant(LOWEST)];
    const masked = createTensor({ op: "where", inputs: [mask, ...branches], attributes: {}, shape, dtype: "float32" });
    return { root: softmax(masked), inputs: ["x", "mask"], attributes: {} };
  },

  biasGelu(rank) {
    if (rank === 0) return null;
    const root = exactGelu(add(placeholder("x", axes(rank, "?F")), placeholder("bias", ["?F"])));
    return { root, inputs: ["x", "bias"], attributes: {} };
  },

  gelu: (rank) => ({ root: exactGelu(placeholder("x", axes(rank))), inputs: ["x"], attributes: {} }),

  geluTanh(rank) {
    const x = placeholder("x", axes(rank));
    const cubic = mul(mul(square(x), x), 0.044715);
    const inner = mul(add(x, cubic), Math.sqrt(2 / Math.PI));
    return { root: mul(mul(x, 0.5), add(tanh(inner), 1)), inputs: ["x"], attributes: {} };
  },

  linear(rank) {
    if (rank !== 2) return null;
    const product = matMul(placeholder("x", ["?M", "?K"]), placeholder("weight", ["?N", "?K"]), { transposeB: true });
    return { root: add(product, placeholder("bias", ["?N"])), inputs: ["x", "weight", "bias"], attributes: {} };
  },

  /** A product of matrices, or of batches of the same sizes, transposed or not, times a number. */
  scaledProduct(rank) {
    if (rank < 2) return null;
    const shape = axes(rank);
    const operand = (name: string) => placeholder(name, [...shape.slice(0, -2), `?${name}Row`, `?${name}Column`]);
    const inputs = [operand("a"), operand("b")];
    const flags = { transposeA: "?transposeA", transposeB: "?transposeB" };
    const product = createTensor({ op: "matMul", inputs, attributes: flags, shape, dtype: "float32" });
    return { root: mul(product, hole("scale")), inputs: ["a", "b"], attributes: { ...flags, scale: "scale" } };
  },
};

/** Wildcards for a tensor of some rank whose last size has a name, because a vector of that size is added to it. */
const axes = (rank: number, last = "?last"): Dim[] =>
  Array.from({ length: rank }, (_, axis) => (axis === rank - 1 ? last : `?axis${axis}`));

function normalized(x: Tensor): Tensor {
  const difference = centred(x);
  const normal = div(difference, deviation(difference));
  return add(mul(normal, placeholder("weight", ["?D"])), placeholder("shift", ["?D"]));
}

const centred = (x: Tensor): Tensor => sub(x, mean(x, { axis: -1, keepDims: true }));

const deviation = (difference: Tensor): Tensor =>
  sqrt(add(mean(square(difference), { axis: -1, keepDims: true }), hole("epsilon")));

function exactGelu(x: Tensor): Tensor {
  return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
}

type PackingIndices = { readonly unpackIndex: Tensor; readonly packIndex: Tensor };

const packingIndices = (): PackingIndices => ({
  unpackIndex: placeholder("unpackIndex", ["?B", "?L"], "int32"),
  packIndex: placeholder("packIndex", ["?T"], "int32"),
});

function heads(x_TD: Tensor, { unpackIndex, packIndex }: PackingIndices): Tensor {
  return transpose(unpack(reshape(x_TD, ["?T", "?N", "?H"]), unpackIndex, packIndex), [0, 2, 1, 3]);
}

function packedRows(x_BNLH: Tensor, { unpackIndex, packIndex }: PackingIndices): Tensor {
  return reshape(pack(transpose(x_BNLH, [0, 2, 1, 3]), unpackIndex, packIndex), ["?T", "?D"]);
}

function attentionTemplate(isBiased: boolean): FusionTemplate {
  const indices = packingIndices();
  const [query, key, value] = ["query", "key", "value"].map((name) => heads(placeholder(name, ["?T", "?D"]), indices));
  const scaled = mul(matMul(query!, key!, { transposeB: true }), hole("scale"));
  const scores = isBiased ? add(scaled, placeholder("attentionBias", [1, "?N", "?L", "?L"])) : scaled;
  const isReal = reshape(greaterEqual(indices.unpackIndex, 0), ["?B", 1, 1, "?L"]);
  return {
    root: packedRows(matMul(softmax(where(isReal, scores, LOWEST)), value!), indices),
    inputs: ["query", "key", "value", "unpackIndex", "packIndex", ...(isBiased ? ["attentionBias"] : [])],
    attributes: { numHeads: "?N", scale: "scale" },
  };
}

/** Score of a place that must get no attention: the lowest float32, whose exponential is exactly 0 beside any real score. */
export const LOWEST = -3.4028234663852886e38;
