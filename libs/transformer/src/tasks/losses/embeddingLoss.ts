/**
 * @file What sentence vectors are trained by: how similar those of an example are, at every size that was asked for.
 *
 * Follows sentence-transformers' losses (MultipleNegativesRankingLoss, CosineSimilarityLoss, MatryoshkaLoss).
 *
 * Dimensions: B texts, Q anchors, P candidates, E size of the vector.
 */
import {
  addAll,
  cast,
  equal,
  gatherRows,
  input,
  logSoftmax,
  matMul,
  mean,
  mul,
  neg,
  reshape,
  slice,
  sum,
  type Dim,
  type Tensor,
} from "@stagecoach/graph";
import { normalize } from "../../normalization.ts";
import type { EmbeddingLoss, SentenceEmbeddingTask, TeacherLoss } from "../task.ts";
import { squaredError } from "./squaredError.ts";

/**
 * The terms of each part of the loss. Inputs: the targets of task.ts.
 *
 * @param embeddings_BE - of all texts that may be compared; E is a number
 * @returns `pairs` `[Q]` and `teacher` `[B]`, those of them that the task has; with several sizes the sum over them, each with
 *   weight 1
 */
export function embeddingLoss(
  embeddings_BE: Tensor,
  { loss, teacher, dimensions = [] }: SentenceEmbeddingTask,
): Readonly<Record<string, Tensor>> {
  const full = embeddings_BE.shape[1] as number;
  const sizes = dimensions.length === 0 ? [full] : dimensions;
  const vectors = sizes.map((size) => cutTo(size, embeddings_BE));
  const total = (compare: Compare): Tensor => {
    const [first, ...rest] = vectors.map(compare) as [Tensor, ...Tensor[]];
    return addAll(first, ...rest);
  };
  return {
    ...(loss.name === "none" ? {} : { pairs: total(comparisonOf(loss)) }),
    ...(teacher === undefined ? {} : { teacher: mul(total(comparisonWith(teacher)), teacher.weight) }),
  };
}

function cutTo(end: number, vectors_BE: Tensor): Tensor {
  return end === vectors_BE.shape[1] ? vectors_BE : slice(vectors_BE, { axis: 1, start: 0, end });
}

/** From vectors `[B, E]` of any size to terms; the inputs are made once. */
type Compare = (embeddings_BE: Tensor) => Tensor;

function comparisonOf(loss: Exclude<EmbeddingLoss, { name: "none" }>): Compare {
  return loss.name === "in-batch-negatives" ? inBatchNegatives(loss) : cosineRegression();
}

function comparisonWith({ name, dimensions }: TeacherLoss): Compare {
  const teacher_BE = input("teacher_vectors", ["B", dimensions], "float32");
  if (name === "vectors")
    return (vectors_BE) =>
      sum(squaredError(vectors_BE, cutTo(vectors_BE.shape[1] as number, teacher_BE)), { axis: -1 });
  const cosines_BB = cosinesOf(teacher_BE);
  return (vectors_BE) => mean(squaredError(cosinesOf(vectors_BE), cosines_BB), { axis: -1 });
}

/** `[B, B]` */
function cosinesOf(vectors_BE: Tensor): Tensor {
  const unit_BE = normalize(vectors_BE);
  return matMul(unit_BE, unit_BE, { transposeB: true });
}

function inBatchNegatives({ similarity, scale }: Extract<EmbeddingLoss, { name: "in-batch-negatives" }>): Compare {
  const [anchorRows_Q, candidateRows_P] = [ids("anchor_rows", "Q"), ids("candidate_rows", "P")];
  const isOwn_QP = equal(
    reshape(ids("positive_columns", "Q"), ["Q", 1]),
    reshape(ids("candidate_columns", "P"), [1, "P"]),
  );
  return (embeddings_BE) => {
    const vectors_BE = similarity === "cosine" ? normalize(embeddings_BE) : embeddings_BE;
    const [anchors_QE, candidates_PE] = [gatherRows(vectors_BE, anchorRows_Q), gatherRows(vectors_BE, candidateRows_P)];
    const scores_QP = mul(matMul(anchors_QE, candidates_PE, { transposeB: true }), scale);
    return neg(sum(mul(logSoftmax(scores_QP), cast(isOwn_QP, "float32")), { axis: -1 }));
  };
}

function cosineRegression(): Compare {
  const [anchorRows_Q, otherRows_Q] = [ids("anchor_rows", "Q"), ids("candidate_rows", "Q")];
  const similarities_Q = input("similarities", ["Q"], "float32");
  return (embeddings_BE) => {
    const vectors_BE = normalize(embeddings_BE);
    const cosines_Q = sum(mul(gatherRows(vectors_BE, anchorRows_Q), gatherRows(vectors_BE, otherRows_Q)), { axis: -1 });
    return squaredError(cosines_Q, similarities_Q);
  };
}

const ids = (name: string, ...shape: readonly Dim[]): Tensor => input(name, shape, "int32");
