import { describe, expect, test } from "vitest";
import { modelCard, type ModelCardFacts } from "./modelCard.ts";
import { resultsCsv } from "./resultsCsv.ts";

const facts: ModelCardFacts = {
  name: "topics",
  task: "sequence-classification",
  base: { name: "all-MiniLM-L6-v2", hubId: "sentence-transformers/all-MiniLM-L6-v2" },
  labels: ["sport", "news"],
  usage: "## Usage\n\n`stagecoach serve`",
  data: [
    { split: "train", source: "topics.train.jsonl", examples: 4000, tokens: 123456 },
    { split: "dev", source: "topics.dev.jsonl", examples: 500 },
  ],
  hyperparameters: { learning_rate: 0.00005, class_weights: null },
  training: { steps: 500, engine: "onnxruntime" },
  results: [
    {
      split: "dev",
      metrics: { loss: 0.31, accuracy: 0.925, pearson: null },
      classes: [{ label: "sport|games", precision: 1, recall: 0.5, f1: 2 / 3, support: 1200 }],
    },
  ],
  curve: "learning curve.svg",
};

describe("modelCard()", () => {
  test("begins with the front matter that the Hub reads", () => {
    expect(modelCard(facts).split("\n# ")[0]).toBe(`---
base_model: "sentence-transformers/all-MiniLM-L6-v2"
library_name: "transformers"
pipeline_tag: "text-classification"
tags:
- "stagecoach"
model-index:
- name: "topics"
  results:
  - task:
      type: "text-classification"
    dataset:
      name: "topics.dev.jsonl"
      type: "topics.dev.jsonl"
      split: "dev"
    metrics:
    - type: "loss"
      value: 0.31
    - type: "accuracy"
      value: 0.925
---
`);
  });

  test("shows data, hyper-parameters, results and the curve", () => {
    const card = modelCard(facts);
    for (const part of [
      "Trained from all-MiniLM-L6-v2 for sequence-classification with Stagecoach. Labels: `sport`, `news`.",
      "| train | topics.train.jsonl | 4,000 | 123,456 |\n| dev | topics.dev.jsonl | 500 |  |",
      "| learning_rate | 0.00005 |\n| class_weights | none |",
      "| metric | dev |\n| --- | --- |\n| loss | 0.3100 |\n| accuracy | 0.9250 |\n| pearson |  |",
      "| sport\\|games | 1.0000 | 0.5000 | 0.6667 | 1,200 |",
      "(learning%20curve.svg)",
      "| engine | onnxruntime |",
      "## Usage",
    ]) {
      expect(card).toContain(part);
    }
  });

  test("has no model index without results, no base from scratch, and no tag where the Hub has none", () => {
    const { base: _, curve: __, ...others } = facts;
    const card = modelCard({ ...others, task: "next-sentence", results: [] });
    expect(card).not.toMatch(/model-index|base_model|pipeline_tag|## Results|Learning curve/);
    expect(card).toContain("Trained from scratch for next-sentence");
  });

  test("keeps names from breaking out of their place", () => {
    const card = modelCard({ ...facts, name: 'a"\n---\n<script>', labels: ["x`y\nz"] });
    expect(card).toContain('- name: "a\\"\\n---\\n<script>"');
    expect(card).toContain('\n# a" --- script\n');
    expect(card).toContain("`x y z`");
  });
});

describe("resultsCsv()", () => {
  test("begins with OpenAI's columns and leaves empty what a step has not", () => {
    const rows = [
      { step: 1, train_loss: 0.5, learning_rate: 1e-7 },
      { step: 2, train_loss: NaN, valid_loss: 0.25, "f1, macro": null },
    ];
    expect(resultsCsv(rows)).toBe(
      [
        'step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy,learning_rate,"f1, macro"',
        "1,0.5,,,,1e-7,",
        "2,,,0.25,,,",
        "",
      ].join("\n"),
    );
  });

  test("has a header without rows", () => {
    expect(resultsCsv([])).toBe("step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n");
  });
});
