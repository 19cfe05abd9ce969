/**
 * @file How the families' task models differ: class names, heads, the names of their weights, and where they drop.
 *
 * Follows modeling_bert.py, modeling_roberta.py, modeling_distilbert.py and modeling_mpnet.py of transformers 5.23.
 */
import type { EncoderConfig } from "../config.ts";
import type { ActivationName } from "../activation.ts";
import { bert } from "../families/bert.ts";
import { distilBert } from "../families/distilBert.ts";
import type { Family } from "../families/family.ts";
import { mpnet } from "../families/mpnet.ts";
import { roberta } from "../families/roberta.ts";
import type { TaskName } from "./task.ts";

/** How a text becomes the vector that its classifier reads. */
export type ClassificationStyle =
  /** BERT: pooler, dropout, `classifier`. */
  | "pooler"
  /** RoBERTa and MPNet: dropout, `classifier.dense`, tanh, dropout, `classifier.out_proj`. */
  | "classification-head"
  /** DistilBERT: `pre_classifier`, relu, dropout, `classifier`. */
  | "pre-classifier";

/** Names of the masked-LM head's weights; those of layers are without `.weight` and `.bias`. */
export type MaskedLmNames = {
  readonly dense: string;
  readonly norm: string;
  /** The decoder's weight, which is tied to the word embeddings. */
  readonly decoder: string;
  readonly bias: string;
};

export type TaskFamily = {
  /** First part of transformers' class names, by `model_type`. */
  readonly classPrefixes: Readonly<Record<string, string>>;
  readonly classification: ClassificationStyle;
  /** What comes before multiple choice's classifier. */
  readonly multipleChoice: "pooler" | "pre-classifier";
  readonly maskedLm: MaskedLmNames;
  readonly maskedLmActivation: (config: EncoderConfig) => ActivationName;
  /** Next-sentence prediction is BERT's only. */
  readonly hasNextSentence: boolean;
  /** Whether the projection of attention is followed by dropout. */
  readonly hasAttentionOutputDropout: boolean;
  /** Whether the answer's span is predicted from dropped hidden states. */
  readonly hasQuestionAnsweringDropout: boolean;
  /** Config fields of the rate before a task's classifier; the first that is set counts. */
  readonly classifierDropoutFields: (task: TaskName) => readonly string[];
  readonly hiddenDropoutField: string;
  readonly attentionDropoutField: string;
};

const bertDropout = {
  hasAttentionOutputDropout: true,
  hasQuestionAnsweringDropout: false,
  hiddenDropoutField: "hidden_dropout_prob",
  attentionDropoutField: "attention_probs_dropout_prob",
} as const;

const fairseqMaskedLm: MaskedLmNames = {
  dense: "lm_head.dense",
  norm: "lm_head.layer_norm",
  decoder: "lm_head.decoder.weight",
  bias: "lm_head.bias",
};

const taskFamilies: ReadonlyMap<Family, TaskFamily> = new Map<Family, TaskFamily>([
  [
    bert,
    {
      ...bertDropout,
      classPrefixes: { bert: "Bert" },
      classification: "pooler",
      multipleChoice: "pooler",
      maskedLm: {
        dense: "cls.predictions.transform.dense",
        norm: "cls.predictions.transform.LayerNorm",
        decoder: "cls.predictions.decoder.weight",
        bias: "cls.predictions.bias",
      },
      maskedLmActivation: ({ activation }) => activation,
      hasNextSentence: true,
      classifierDropoutFields: () => ["classifier_dropout", "hidden_dropout_prob"],
    },
  ],
  [
    roberta,
    {
      ...bertDropout,
      classPrefixes: { roberta: "Roberta", "xlm-roberta": "XLMRoberta", camembert: "Camembert" },
      classification: "classification-head",
      multipleChoice: "pooler",
      maskedLm: fairseqMaskedLm,
      maskedLmActivation: () => "gelu",
      hasNextSentence: false,
      classifierDropoutFields: (task) =>
        task === "multiple-choice" ? ["hidden_dropout_prob"] : ["classifier_dropout", "hidden_dropout_prob"],
    },
  ],
  [
    distilBert,
    {
      classPrefixes: { distilbert: "DistilBert" },
      classification: "pre-classifier",
      multipleChoice: "pre-classifier",
      maskedLm: {
        dense: "vocab_transform",
        norm: "vocab_layer_norm",
        decoder: "vocab_projector.weight",
        bias: "vocab_projector.bias",
      },
      maskedLmActivation: ({ activation }) => activation,
      hasNextSentence: false,
      hasAttentionOutputDropout: false,
      hasQuestionAnsweringDropout: true,
      classifierDropoutFields: (task) => {
        if (task === "token-classification") return ["dropout"];
        return task === "question-answering" ? ["qa_dropout"] : ["seq_classif_dropout"];
      },
      hiddenDropoutField: "dropout",
      attentionDropoutField: "attention_dropout",
    },
  ],
  [
    mpnet,
    {
      ...bertDropout,
      classPrefixes: { mpnet: "MPNet" },
      classification: "classification-head",
      multipleChoice: "pooler",
      maskedLm: fairseqMaskedLm,
      maskedLmActivation: () => "gelu",
      hasNextSentence: false,
      classifierDropoutFields: () => ["hidden_dropout_prob"],
    },
  ],
]);

export function taskFamilyOf(family: Family): TaskFamily {
  const found = taskFamilies.get(family);
  if (found === undefined) throw new Error(`internal: no heads are known for the family "${family.modelTypes[0]}"`);
  return found;
}
