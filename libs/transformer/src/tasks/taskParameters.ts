/** @file All weights of a task model: by name and shape, which of them a base model lacks, and how new ones begin. */
import { nameOf } from "@stagecoach/graph";
import { JsonFields } from "../config.ts";
import { graphParameters, type ParameterShape } from "../graphParameters.ts";
import { isLoraName } from "../lora.ts";
import { isAuxiliaryName } from "./hiddenLoss.ts";
import { taskFamilyOf } from "./taskFamilies.ts";
import type { TaskModel } from "./taskModel.ts";
import { trainingStageGraph } from "./trainingStageGraph.ts";

export type TaskParameter = ParameterShape & {
  /** A weight of the head, the pooler included: a base checkpoint may lack it, and it is then initialized. */
  readonly isHead: boolean;
  /** A weight of an adapter: no checkpoint has it, and it is initialized. */
  readonly isAdapter: boolean;
  /** A weight that is trained beside the model and is no part of it: no checkpoint has it, and no model gets it. */
  readonly isAuxiliary: boolean;
  /**
   * How transformers initializes it: `normal` has mean 0 and the deviation `initializer_range`. peft: an adapter's A is
   * `uniform` up to 1 / sqrt(inputs), as in torch.nn.Linear, and its B is 0.
   */
  readonly initialization: "normal" | "uniform" | "zeros" | "ones";
  /** The weight that it is kept equal to: the masked-LM decoder and the word embeddings. */
  readonly tiedTo?: string;
};

/** In the order of the model, embeddings first. */
export function taskParameters(model: TaskModel): TaskParameter[] {
  const layers = { start: 0, end: model.config.numLayers };
  const base = new Set(graphParameters(model).map(({ name }) => name));
  const { decoder } = taskFamilyOf(model.family).maskedLm;
  return trainingStageGraph(model, layers, { dropout: null }).parameters.map((node) => {
    const name = nameOf(node);
    const shape = node.shape.filter((dim) => typeof dim === "number");
    const tie = name === decoder ? { tiedTo: wordEmbeddings(model) } : {};
    const isAdapter = isLoraName(name);
    const isAuxiliary = isAuxiliaryName(name);
    const isHead = !isAdapter && !isAuxiliary && !base.has(name);
    return { name, shape, isHead, isAdapter, isAuxiliary, initialization: initializationOf(name, shape), ...tie };
  });
}

function initializationOf(name: string, shape: readonly number[]): TaskParameter["initialization"] {
  if (isLoraName(name)) return name.endsWith("lora_A.weight") ? "uniform" : "zeros";
  if (shape.length > 1) return "normal";
  return name.endsWith("bias") ? "zeros" : "ones";
}

/** Name of the word embeddings' weight. */
export function wordEmbeddings({ family }: TaskModel): string {
  return `${family.embeddingNames.word}.weight`;
}

/**
 * Rows that transformers neither initializes (they are 0 in a model from scratch) nor gives a gradient, by weight: the padding
 * token's (`padding_idx`). A packed batch has no padding, so their gradient is 0 unless a text contains the padding token.
 */
export function paddingRows({ family, config }: TaskModel): Readonly<Record<string, number>> {
  const { word, position } = family.embeddingNames;
  const rule = family.positions(config);
  const row = rule.kind === "after-padding" ? rule.padTokenId : config.padTokenId;
  return { [`${word}.weight`]: row, ...(rule.kind === "after-padding" ? { [`${position}.weight`]: row } : {}) };
}

/** `initializer_range` of config.json: the standard deviation of new weights. @throws ModelConfigError */
export function readInitializerRange(json: unknown): number {
  return new JsonFields("config.json", json).positive("initializer_range", 0.02);
}
