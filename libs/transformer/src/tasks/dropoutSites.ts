/**
 * @file Where a task model drops in training, by BERT's places: after the embeddings, attention's weights, attention's
 * output, the feed-forward network, and before the classifier.
 *
 * With adapters there is one more place: what an adapter reads. A site is a float32 input of the graph; a rate of 0 leaves its sites out. Which sites a family has follows transformers
 * (DistilBERT does not drop attention's output; RoBERTa's and MPNet's classification head drops twice).
 *
 * Dimensions: T packed tokens, B batch, L longest text, D hidden size, N heads.
 */
import { input, type Dim, type Tensor } from "@stagecoach/graph";
import { JsonFields } from "../config.ts";
import type { EncoderDropout } from "../dropout.ts";
import type { EncoderModel } from "../encoderModel.ts";
import { ModelConfigError } from "../errors.ts";
import { taskFamilyOf } from "./taskFamilies.ts";
import type { TaskName } from "./task.ts";
import type { TaskModel } from "./taskModel.ts";

/** Probabilities, from 0 up to but not including 1. */
export type DropoutRates = {
  /** Embeddings, attention's output and the feed-forward network's. */
  readonly hidden: number;
  /** Attention's weights. */
  readonly attention: number;
  /** Before the classifier. */
  readonly classifier: number;
  /** Of what adapters read (LoRA). Default: 0. */
  readonly lora?: number | undefined;
};

/** transformers' defaults; DistilBERT has 0.2 before its classifier of texts. */
const DEFAULT_RATE = 0.1;
const DEFAULT_SEQ_CLASSIF_DROPOUT = 0.2;

/**
 * The rates of a model's config.json for its task.
 * @throws ModelConfigError for a rate outside of [0, 1)
 */
export function readDropoutRates(json: unknown, model: TaskModel): DropoutRates {
  const fields = new JsonFields("config.json", json);
  const family = taskFamilyOf(model.family);
  const rate = (...names: readonly string[]): number => {
    const name = names.find((each) => fields.has(each)) ?? names.at(-1)!;
    const value = fields.get(name) ?? (name === "seq_classif_dropout" ? DEFAULT_SEQ_CLASSIF_DROPOUT : DEFAULT_RATE);
    if (typeof value !== "number" || !(value >= 0 && value < 1)) {
      throw new ModelConfigError(
        `config.json: "${name}": expected a probability from 0 to less than 1, got ${JSON.stringify(value)}`,
      );
    }
    return value;
  };
  return {
    hidden: rate(family.hiddenDropoutField),
    attention: rate(family.attentionDropoutField),
    classifier: rate(...family.classifierDropoutFields(model.task.name)),
  };
}

/** How the name of a site ends that is an adapter's input. */
const ADAPTER_SITE = ".lora";

/** The rate of a graph's input `dropout.*`; null for other inputs. */
export function rateOfSite(rates: DropoutRates, inputName: string): number | null {
  if (!inputName.startsWith("dropout.")) return null;
  if (inputName.endsWith(ADAPTER_SITE)) return rates.lora ?? 0;
  if (inputName.startsWith("dropout.classifier")) return rates.classifier;
  return inputName.endsWith(".attention_probs") ? rates.attention : rates.hidden;
}

/** Masks of the encoder as inputs of the graph. */
export function encoderDropout(
  { family, config }: EncoderModel,
  { hidden, attention, lora = 0 }: DropoutRates,
): EncoderDropout {
  const { numHeads: N, hiddenSize: D } = config;
  const { hasAttentionOutputDropout } = taskFamilyOf(family);
  return {
    embeddings_TD: site("embeddings", ["T", D], hidden),
    ofLayer: (layer) => ({
      attentionProbs_BNLS: site(`layer.${layer}.attention_probs`, ["B", N, "L", "L"], attention),
      attentionOutput_TD: hasAttentionOutputDropout
        ? site(`layer.${layer}.attention_output`, ["T", D], hidden)
        : undefined,
      output_TD: site(`layer.${layer}.output`, ["T", D], hidden),
      adapterInput: (module, numInputs) => site(module + ADAPTER_SITE, ["T", numInputs], lora),
    }),
  };
}

/** Masks of a head. @param rows - `B` for heads of texts, `T` for heads of tokens */
export type HeadDropout = {
  /** Before the classifier. */
  readonly classifier: (rows: "B" | "T") => Tensor | undefined;
  /** Before the last layer of a classification head of two layers. */
  readonly classifierOutput: () => Tensor | undefined;
};

/** @param rates - null: no dropout */
export function headDropout({ config }: EncoderModel, rates: DropoutRates | null): HeadDropout {
  const mask = (name: string, rows: "B" | "T") => site(name, [rows, config.hiddenSize], rates?.classifier ?? 0);
  return {
    classifier: (rows) => mask("classifier", rows),
    classifierOutput: () => mask("classifier_output", "B"),
  };
}

const tasksWithoutHeadDropout: readonly TaskName[] = [
  "masked-lm",
  "next-sentence",
  "pretraining",
  "sentence-embedding",
];

/** Whether the head of the model's task drops, so that the rate `classifier` says something. */
export function hasHeadDropout({ family, task: { name } }: TaskModel): boolean {
  if (name === "question-answering") return taskFamilyOf(family).hasQuestionAnsweringDropout;
  return !tasksWithoutHeadDropout.includes(name);
}

function site(name: string, shape: readonly Dim[], rate: number): Tensor | undefined {
  return rate === 0 ? undefined : input(`dropout.${name}`, shape, "float32");
}
