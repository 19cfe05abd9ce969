/**
 * @file A small model with everything that makes a training graph: embedding, attention, pooling, loss, gradients.
 *
 * Dimensions: T packed tokens, B texts, L longest text, D hidden size, N heads, H head size, V vocabulary.
 */
import { int32, type HostTensor } from "@stagecoach/engine";
import {
  add,
  backpropagate,
  broadcastTo,
  constant,
  div,
  gatherRows,
  graphOf,
  greaterEqual,
  input,
  logSoftmax,
  LOWEST,
  matMul,
  max,
  mean,
  mul,
  oneHot,
  pack,
  parameter,
  reshape,
  scatterAddRows,
  sizeOf,
  softmax,
  sub,
  sum,
  transpose,
  unpack,
  where,
  type Graph,
} from "@stagecoach/graph";
import { randomTensor } from "./random.ts";

const [D, N, H, V] = [6, 2, 3, 11] as const;

/** Values of the graph's parameters. */
export function attentionParameters(random: () => number): Record<string, HostTensor> {
  return {
    table: randomTensor([V, D], random),
    projection: randomTensor([D, D], random),
    bias: randomTensor([D], random),
  };
}

/** Embedding, one attention layer, pooling, a loss, and the gradients of the parameters. */
export function attentionGraph(): Graph {
  const ids = input("ids", ["T"], "int32");
  const textOf = input("textOf", ["T"], "int32");
  const unpackIndex = input("unpackIndex", ["B", "L"], "int32");
  const packIndex = input("packIndex", ["T"], "int32");
  const table = parameter("table", [V, D]);
  const projection = parameter("projection", [D, D]);
  const bias = parameter("bias", [D]);

  const embedded_TD = add(gatherRows(table, ids), bias);
  const heads_TNH = reshape(matMul(embedded_TD, projection, { transposeB: true }), ["T", N, H]);
  const heads_BNLH = transpose(unpack(heads_TNH, unpackIndex, packIndex), [0, 2, 1, 3]);
  const isReal = reshape(greaterEqual(unpackIndex, 0), ["B", 1, 1, "L"]);
  const scores_BNLL = where(isReal, mul(matMul(heads_BNLH, heads_BNLH, { transposeB: true }), 0.5), LOWEST);
  const context_BNLH = matMul(softmax(scores_BNLL), heads_BNLH);
  const context_TD = reshape(pack(transpose(context_BNLH, [0, 2, 1, 3]), unpackIndex, packIndex), ["T", D]);
  const pooled_BD = scatterAddRows(context_TD, textOf, "B");
  const centred_BD = sub(pooled_BD, broadcastTo(mean(pooled_BD, { axis: 0 }), ["B", D]));
  const ones_BL = broadcastTo(reshape(constant(1), [1, 1]), ["B", "L"]);
  const logits_TV = matMul(context_TD, table, { transposeB: true });
  const losses_TV = mul(logSoftmax(logits_TV), oneHot(ids, V));
  const loss = div(mul(sum(losses_TV), -1), sizeOf(ids, [0]));
  const total = add(loss, add(mean(max(centred_BD, { axis: -1 })), mul(sum(ones_BL), 0.01)));
  const parameters = { table, projection, bias };
  const gradients = backpropagate([{ output: total, gradient: constant(1) }], Object.values(parameters));
  return graphOf({
    context: context_TD,
    pooled: pooled_BD,
    weights: softmax(scores_BNLL),
    total,
    ...Object.fromEntries(Object.keys(parameters).map((name, which) => [`gradient of ${name}`, gradients[which]!])),
  });
}

/** Inputs for texts of these lengths. */
export function attentionBatch(lengths: readonly number[], random: () => number): Record<string, HostTensor> {
  const B = lengths.length;
  const L = Math.max(...lengths);
  const unpackIndex = new Int32Array(B * L).fill(-1);
  const packIndex: number[] = [];
  const textOf: number[] = [];
  lengths.forEach((length, text) => {
    for (let position = 0; position < length; position++) {
      unpackIndex[text * L + position] = packIndex.length;
      packIndex.push(text * L + position);
      textOf.push(text);
    }
  });
  const T = packIndex.length;
  return {
    ids: int32(
      packIndex.map(() => Math.floor(random() * V)),
      [T],
    ),
    textOf: int32(textOf, [T]),
    unpackIndex: int32(unpackIndex, [B, L]),
    packIndex: int32(packIndex, [T]),
  };
}
