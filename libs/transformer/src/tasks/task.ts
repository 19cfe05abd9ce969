/**
 * @file What a model is trained to do: the tasks, and the batches that they learn from.
 *
 * A batch is packed like any other (packing.ts); what a task needs besides the tokens travels as named targets, so that
 * links and schedules need not know the tasks.
 *
 * Dimensions: T packed tokens, B texts, C classes, M labelled rows, Q questions (groups of C choices) or anchors, P texts that
 * anchors are compared with, E size of the sentence vector.
 */
import type { TokenBatch } from "../stageInputs.ts";

export const problemTypes = ["single_label_classification", "multi_label_classification", "regression"] as const;
/** `problem_type` of transformers' config. */
export type ProblemType = (typeof problemTypes)[number];

/**
 * Targets (see TrainingBatch) and outputs of each task:
 *
 * | task                    | targets                                                          | outputs besides `loss`                  |
 * | ----------------------- | ---------------------------------------------------------------- | --------------------------------------- |
 * | sequence-classification | `labels` int32 [B], or float32 [B, C] (multi-label, regression)  | `logits` [B, C]                         |
 * | token-classification    | `label_rows` int32 [M], `labels` int32 [M]                       | `logits` [T, C]                         |
 * | question-answering      | `start_positions`, `end_positions` int32 [B], within the text    | `logits` [T, 2]: start, end             |
 * | multiple-choice         | `choice_index` int32 [Q, C]: texts of a question; `labels` [Q]   | `logits` [Q, C]                         |
 * | masked-lm               | `masked_rows` int32 [M], `masked_labels` int32 [M]               | `masked_lm_loss` [M], `masked_lm_correct` [M] (0 or 1) |
 * | next-sentence           | `next_sentence_labels` int32 [B] (0 is next, 1 is random)        | `next_sentence_logits` [B, 2]           |
 * | pretraining             | those of masked-lm and next-sentence                             | those of masked-lm and next-sentence    |
 * | sentence-embedding      | `anchor_rows` [Q] and `candidate_rows` [P], numbers of texts, and what its loss learns from (below) | `embeddings` [B, E] |
 */
export type Task =
  | {
      readonly name: "sequence-classification";
      readonly problemType: ProblemType;
      readonly numLabels: number;
      /** One weight per class, single-label only. */
      readonly classWeights?: readonly number[];
      /** Share of the target that all classes get alike, in the loss that is trained; single-label only. */
      readonly labelSmoothing?: number;
      /** What is learned from another classifier's logits, beside the labels; not for regression. */
      readonly distillation?: Distillation;
      readonly hidden?: HiddenDistillation | undefined;
    }
  | {
      readonly name: "token-classification";
      readonly numLabels: number;
      readonly classWeights?: readonly number[];
      readonly labelSmoothing?: number;
      /** As of texts, for the rows that have labels. */
      readonly distillation?: Distillation;
      readonly hidden?: HiddenDistillation | undefined;
    }
  | { readonly name: "question-answering" }
  | { readonly name: "multiple-choice"; readonly numChoices: number }
  | { readonly name: "masked-lm"; readonly hidden?: HiddenDistillation | undefined }
  | { readonly name: "next-sentence" }
  | { readonly name: "pretraining" }
  | SentenceEmbeddingTask;

/**
 * Softened targets (Hinton et al. 2015, arXiv 1503.02531); target `teacher_logits` float32 [B, C], or [M, C] for tokens. The loss is
 * `alpha T^2 KL(teacher || student) + (1 - alpha) cross entropy`, with softmax of logits / T on both sides of the divergence. Of several
 * labels each is a question of its own: `alpha T^2 BCE(student, teacher) + (1 - alpha) BCE(student, labels)`, with sigmoid of logits / T on
 * both sides of the first.
 */
export type Distillation = {
  /** T, above 0. */
  readonly temperature: number;
  /** From 0 to 1. */
  readonly alpha: number;
};

/**
 * What is learned from another model's hidden states, beside the task's own loss and only in training: target `teacher_states` float32 [T, size of
 * all states one after another]; for masked-LM of the U tokens alone that are not masked, with `taught_rows` int32 [U]. Each loss is a mean over
 * tokens; several states' are added.
 *
 * - `mse`: mean squared error, which TinyBERT has (Jiao et al. 2020, arXiv 1909.10351, equations 8 and 9); where the teacher is wider or narrower, of the
 *   student's state times a matrix that is learned with it, one for each state.
 * - `cosine`: 1 less the cosine, which DistilBERT has (Sanh et al. 2019, arXiv 1910.01108): torch.nn.CosineEmbeddingLoss.
 */
export type HiddenDistillation = {
  readonly loss: HiddenLossName;
  /** Factor in the whole loss. */
  readonly weight: number;
  /** Width of the teacher's states. */
  readonly size: number;
  /** In order of the student's. 0 is what the embeddings give, k what layer k - 1 does: transformers' `hidden_states`. */
  readonly states: readonly { readonly student: number; readonly teacher: number }[];
};

export const hiddenLosses = ["mse", "cosine"] as const;
export type HiddenLossName = (typeof hiddenLosses)[number];

/** Undefined for tasks that learn no hidden states. */
export const hiddenOf = (task: Task): HiddenDistillation | undefined => ("hidden" in task ? task.hidden : undefined);

/** The same task, without what it learns of hidden states. */
export function withoutHidden(task: Task): Task {
  return "hidden" in task ? { ...task, hidden: undefined } : task;
}

/** Vectors of texts, as the model's sentence modules make them, by how similar they are to be. */
export type SentenceEmbeddingTask = {
  readonly name: "sentence-embedding";
  readonly loss: EmbeddingLoss;
  /** Texts of an example: an anchor, its positive, and as many hard negatives as all others have; one where no loss compares them. */
  readonly numTexts: number;
  /** Vectors get unit length after the model's own modules: for an encoder of which no file says how its vectors are made. */
  readonly addsNormalize?: boolean;
  /** What is learned from another model's vectors, beside the loss. */
  readonly teacher?: TeacherLoss;
  readonly hidden?: HiddenDistillation | undefined;
  /** Matryoshka (Kusupati et al. 2022): sizes to which vectors are cut, each with a loss of its own; the full size among them, or not. */
  readonly dimensions?: readonly number[];
};

/**
 * - `in-batch-negatives`: of all candidates of the step, an anchor's own has the largest similarity; targets
 *   `positive_columns` int32 [Q], which of the candidates that is, and `candidate_columns` int32 [P], their numbers.
 *   sentence-transformers' MultipleNegativesRankingLoss (Henderson et al. 2017, arXiv 1705.00652).
 * - `cosine-similarity`: the cosine of two texts is a number; target `similarities` float32 [Q], and P is Q.
 *   sentence-transformers' CosineSimilarityLoss.
 * - `none`: texts without pairs, for which there is a teacher only.
 */
export type EmbeddingLoss =
  | { readonly name: "in-batch-negatives"; readonly similarity: Similarity; readonly scale: number }
  | { readonly name: "cosine-similarity" }
  | { readonly name: "none" };

/**
 * Distillation; target `teacher_vectors` float32 [B, dimensions].
 *
 * - `vectors`: each vector is the teacher's. The squared distance, which is sentence-transformers' MSELoss times the size.
 * - `similarities`: the cosines of all texts of a step with each other are the teacher's, whatever the sizes: the squared
 *   difference, as in relational knowledge distillation (Park et al. 2019, arXiv 1904.05068).
 */
export type TeacherLoss = {
  readonly name: TeacherLossName;
  /** Size of its vectors in a batch; for `vectors` the model's own. */
  readonly dimensions: number;
  /** Factor in the whole loss. */
  readonly weight: number;
};

export const teacherLosses = ["vectors", "similarities"] as const;
export type TeacherLossName = (typeof teacherLosses)[number];

export const similarities = ["cosine", "dot"] as const;
export type Similarity = (typeof similarities)[number];

export type TaskName = Task["name"];
export const taskNames = [
  "sequence-classification",
  "token-classification",
  "question-answering",
  "multiple-choice",
  "masked-lm",
  "next-sentence",
  "pretraining",
  "sentence-embedding",
] as const satisfies readonly TaskName[];

/**
 * A loss is a sum of parts; each is divided by what it counts over the whole step, not over a micro-batch. The part `hidden`, which all stages
 * compute, is not among these (hiddenLoss.ts).
 */
export function lossPartsOf(task: Task): readonly string[] {
  if ("distillation" in task && task.distillation !== undefined) return ["labels", "teacher"];
  if (task.name !== "sentence-embedding") return lossParts[task.name];
  return [...(task.loss.name === "none" ? [] : ["pairs"]), ...(task.teacher === undefined ? [] : ["teacher"])];
}

const lossParts: Readonly<Record<Exclude<TaskName, "sentence-embedding">, readonly string[]>> = {
  "sequence-classification": ["labels"],
  "token-classification": ["labels"],
  "question-answering": ["positions"],
  "multiple-choice": ["labels"],
  "masked-lm": ["masked_lm"],
  "next-sentence": ["next_sentence"],
  pretraining: ["masked_lm", "next_sentence"],
};

/**
 * Whether a loss compares the texts of all micro-batches of a step with each other. The last stage gathers their vectors then,
 * and begins its backward passes when it has all (stepLoss.ts).
 */
export function comparesWholeStep(task: Task): task is SentenceEmbeddingTask {
  if (task.name !== "sentence-embedding") return false;
  return task.loss.name === "in-batch-negatives" || task.teacher?.name === "similarities";
}

export type Target = {
  readonly dtype: "int32" | "float32";
  readonly shape: readonly number[];
  readonly data: Int32Array | Float32Array;
};

/** One micro-batch of a training step, or of an evaluation. */
export type TrainingBatch = TokenBatch & {
  /** `[B]`: number of each text in the order of the run (counts on over epochs); keys its dropout masks. */
  readonly textIds: Int32Array;
  readonly targets: Readonly<Record<string, Target>>;
  /** `[T, D]`: what a frozen encoder gives, for a stage that is the head alone (featureRows.ts): T counts these rows, and there are no ids. */
  readonly features?: Float32Array;
  /**
   * What each loss part counts in this micro-batch: its labels (for class weights the sum of their weights, for
   * multi-label and regression labels times classes, for question answering texts, for sentence embeddings anchors, and for
   * a teacher texts, labelled tokens, or labels times classes, for its hidden states tokens). The reciprocal of the sum over the step is the input `scale.<part>` of the graph.
   */
  readonly counts: Readonly<Record<string, number>>;
};
