/**
 * @file The README.md of a trained model's folder: a model card as the Hugging Face Hub reads it (YAML front matter with a
 * model index), and for people what it learned from, how, and how well.
 *
 * The licence is left to the owner of the model.
 */
import type { TaskName } from "@stagecoach/transformer";
import type { ClassReport } from "../metrics/tasks/accumulator.ts";
import { markdownTable } from "./markdownTable.ts";

type FactValue = string | number | boolean | null;

export type ModelCardFacts = {
  readonly name: string;
  readonly task: TaskName;
  /** What training started from; `hubId` where that is a model of the Hub. Left out: from scratch. */
  readonly base?: { readonly name: string; readonly hubId?: string };
  /** Default "transformers"; "sentence-transformers" for encoders of sentences. */
  readonly libraryName?: string;
  readonly labels?: readonly string[];
  /** Text between the introduction and the results, in Markdown: how to use the model. */
  readonly usage?: string;
  readonly data: readonly {
    /** "train", "dev", "test". */
    readonly split: string;
    /** Name of the file; not its path. */
    readonly source: string;
    readonly examples: number;
    readonly tokens?: number;
  }[];
  /** By name, in the order in which they are shown. */
  readonly hyperparameters: Readonly<Record<string, FactValue>>;
  /** Steps, time, engine, stages, versions: by name, in the order in which they are shown. */
  readonly training: Readonly<Record<string, FactValue>>;
  readonly results: readonly {
    /** A split of `data`. */
    readonly split: string;
    readonly metrics: Readonly<Record<string, number | null>>;
    readonly classes?: readonly ClassReport[];
  }[];
  /** File name of the learning curve's picture, in the same folder. */
  readonly curve?: string;
};

/** `pipeline_tag` of the Hub; null where it has none. */
const pipelineTags: Readonly<Record<TaskName, string | null>> = {
  "sequence-classification": "text-classification",
  "token-classification": "token-classification",
  "question-answering": "question-answering",
  "multiple-choice": "multiple-choice",
  "masked-lm": "fill-mask",
  "next-sentence": null,
  pretraining: "fill-mask",
  "sentence-embedding": "sentence-similarity",
};

export function modelCard(facts: ModelCardFacts): string {
  const sections = [
    `# ${plain(facts.name)}`,
    introduction(facts),
    facts.usage ?? "",
    results(facts),
    facts.curve === undefined ? "" : `## Learning curve\n\n![Loss and metric over steps](${encodeURI(facts.curve)})`,
    data(facts),
    section("Hyper-parameters", factTable(facts.hyperparameters)),
    section("Training", factTable(facts.training)),
  ];
  return `${frontMatter(facts)}\n${sections.filter((each) => each !== "").join("\n\n")}\n`;
}

function frontMatter({ name, task, base, libraryName = "transformers", ...facts }: ModelCardFacts): string {
  const tag = pipelineTags[task];
  return [
    "---",
    ...(base?.hubId === undefined ? [] : [`base_model: ${yaml(base.hubId)}`]),
    `library_name: ${yaml(libraryName)}`,
    ...(tag === null ? [] : [`pipeline_tag: ${yaml(tag)}`]),
    'tags:\n- "stagecoach"',
    ...modelIndex({ name, type: tag ?? task, ...facts }),
    "---",
    "",
  ].join("\n");
}

/** Results as the Hub's model index; nothing where there are none. */
function modelIndex({
  name,
  type,
  data: splits,
  results: all,
}: Pick<ModelCardFacts, "name" | "data" | "results"> & { readonly type: string }): string[] {
  const measured = all.flatMap(({ split, metrics }) => {
    const values = Object.entries(metrics).flatMap(([metric, value]) =>
      Number.isFinite(value) ? [{ metric, value }] : [],
    );
    return values.length === 0 ? [] : [{ split, values }];
  });
  if (measured.length === 0) return [];
  const lines = [`model-index:`, `- name: ${yaml(name)}`, `  results:`];
  for (const { split, values } of measured) {
    const source = splits.find((each) => each.split === split)?.source ?? split;
    lines.push(
      `  - task:`,
      `      type: ${yaml(type)}`,
      `    dataset:`,
      `      name: ${yaml(source)}`,
      `      type: ${yaml(source)}`,
      `      split: ${yaml(split)}`,
      `    metrics:`,
      ...values.map(({ metric, value }) => `    - type: ${yaml(metric)}\n      value: ${value}`),
    );
  }
  return lines;
}

function introduction({ task, base, labels }: ModelCardFacts): string {
  const origin = base === undefined ? "Trained from scratch" : `Trained from ${plain(base.name)}`;
  const classes = labels === undefined ? "" : ` Labels: ${labels.map((label) => `\`${plain(label)}\``).join(", ")}.`;
  return `${origin} for ${task} with Stagecoach.${classes}`;
}

/** One row per metric, one column per split; below it the classes of each split. */
function results({ results: all }: ModelCardFacts): string {
  const metrics = [...new Set(all.flatMap((each) => Object.keys(each.metrics)))];
  const table = markdownTable(
    ["metric", ...all.map(({ split }) => split)],
    metrics.map((metric) => [metric, ...all.map((each) => score(each.metrics[metric]))]),
  );
  const classes = all.flatMap(({ split, classes: own }) => {
    if (own === undefined) return [];
    const rows = own.map(({ label, precision, recall, f1, support }) => [
      label,
      score(precision),
      score(recall),
      score(f1),
      count(support),
    ]);
    return [`By class (${split}):`, markdownTable(["class", "precision", "recall", "f1", "support"], rows)];
  });
  return section("Results", metrics.length === 0 ? "" : [table, ...classes].join("\n\n"));
}

function data({ data: splits }: ModelCardFacts): string {
  const table = markdownTable(
    ["split", "file", "examples", "tokens"],
    splits.map(({ split, source, examples, tokens }) => [
      split,
      source,
      count(examples),
      tokens === undefined ? "" : count(tokens),
    ]),
  );
  return section("Data", splits.length === 0 ? "" : table);
}

const section = (title: string, content: string): string => (content === "" ? "" : `## ${title}\n\n${content}`);

function factTable(facts: Readonly<Record<string, FactValue>>): string {
  const rows = Object.entries(facts).map(([name, value]) => [name, value === null ? "none" : String(value)]);
  return rows.length === 0 ? "" : markdownTable(["", "value"], rows);
}

const score = (value: number | null | undefined): string => (Number.isFinite(value) ? value!.toFixed(4) : "");

const count = (value: number): string => value.toLocaleString("en-US");

/** A name in a line of Markdown cannot break out of it. */
const plain = (text: string): string => text.replaceAll(/[\r\n`<>]+/g, " ").trim();

/** JSON's strings are YAML's double-quoted ones. */
const yaml = (text: string): string => JSON.stringify(text);
