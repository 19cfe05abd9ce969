import { readEncoderModel, type Task } from "@stagecoach/transformer";
import { describe, expect, test } from "vitest";
import { refuseUnused } from "./refuseUnused.ts";

const sizes = { vocab_size: 20, max_position_embeddings: 8 };
const configs = {
  bert: { ...sizes, hidden_size: 4, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 6 },
  distilbert: { ...sizes, dim: 4, n_layers: 2, n_heads: 2, hidden_dim: 6 },
};
const classes: Task = { name: "sequence-classification", problemType: "single_label_classification", numLabels: 2 };
const numbers: Task = { ...classes, problemType: "regression", numLabels: 1 };

async function refusing(task: Task, given: Parameters<typeof refuseUnused>[1], type: keyof typeof configs = "bert") {
  const config = { model_type: type, ...configs[type] };
  const model = await readEncoderModel((path) => Promise.resolve(path === "config.json" ? config : undefined));
  return () => refuseUnused({ ...model, task }, given);
}

describe("refuseUnused()", () => {
  test.each<[message: string, task: Task, given: Parameters<typeof refuseUnused>[1]]>([
    [
      "mlm probability: expected the task masked-lm or pretraining, got sequence-classification",
      classes,
      { hyperparameters: { mlm_probability: 0.2 } },
    ],
    [
      "problem type: expected the task sequence-classification, got token-classification",
      { name: "token-classification", numLabels: 2 },
      { head: { problem_type: "regression" } },
    ],
    [
      "labels: expected a problem type with labels, none for regression, got 2",
      numbers,
      { head: { problem_type: "regression", labels: ["a", "b"] } },
    ],
    ...(["masked-lm", "next-sentence", "pretraining", "question-answering"] as const).map(
      (name): [string, Task, Parameters<typeof refuseUnused>[1]] => [
        `classifier dropout: expected a head with dropout, got that of ${name} in a model of type "bert"`,
        { name },
        { hyperparameters: { classifier_dropout: 0 } },
      ],
    ),
  ])("%s", async (message, task, given) => {
    expect(await refusing(task, given)).toThrow(expect.objectContaining({ code: "training_option", message }));
  });

  test("takes what the task and its head use", async () => {
    const dropout = { hyperparameters: { classifier_dropout: 0.2 } };
    expect(await refusing(classes, { ...dropout, head: { labels: ["a", "b"] } })).not.toThrow();
    expect(await refusing(numbers, { ...dropout, head: { problem_type: "regression" } })).not.toThrow();
    expect(await refusing({ name: "question-answering" }, dropout, "distilbert")).not.toThrow();
    expect(await refusing({ name: "masked-lm" }, { hyperparameters: { mlm_probability: 0.2 } })).not.toThrow();
  });
});
