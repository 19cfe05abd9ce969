/** @file What columns may be called, and which task they are for. */
import type { TaskName } from "@stagecoach/transformer";
import { DataError } from "./dataError.ts";

export const roles = [
  "text",
  "text_pair",
  "label",
  "tokens",
  "tags",
  "context",
  "question",
  "answers",
  "prompt",
  "choices",
  "messages",
  "paragraphs",
  "sentences",
  "anchor",
  "positive",
  "negative",
  "negatives",
] as const;
/** What a column is to a task. */
export type Role = (typeof roles)[number];

/** The column of each role that a file has. */
export type Layout = {
  readonly columns: { readonly [role in Role]?: string };
  /** Columns of the file that have no role and are not used. */
  readonly ignored: readonly string[];
};

/** Which column has which role, for files with names of their own: `{ text: "headline", label: "section" }`. */
export type ColumnMap = { readonly [role in Role]?: string };

type KnownLayout = { readonly columns: { readonly [role in Role]?: string }; readonly tasks: readonly TaskName[] };

const classification = ["sequence-classification"] as const;
const languageModelling = ["masked-lm", "pretraining", "next-sentence"] as const;

/** A number for two texts may be how similar they are; what it is nobody can tell from the columns, and then it is a label. */
const classificationOfPairs = [...classification, "sentence-embedding"] as const;
const embedding = ["sentence-embedding"] as const;

const labelled = (columns: KnownLayout["columns"]): KnownLayout[] =>
  ["label", "labels", "score"].map((label) => ({
    columns: { ...columns, label },
    tasks: columns.text_pair === undefined ? classification : classificationOfPairs,
  }));

/** Those of more columns come first: a file of texts with pairs is not one of texts. */
const knownLayouts: readonly KnownLayout[] = [
  ...labelled({ text: "text", text_pair: "text_pair" }),
  ...labelled({ text: "sentence1", text_pair: "sentence2" }),
  ...labelled({ text: "premise", text_pair: "hypothesis" }),
  { columns: { anchor: "anchor", positive: "positive", negatives: "negatives" }, tasks: embedding },
  { columns: { anchor: "anchor", positive: "positive", negative: "negative" }, tasks: embedding },
  { columns: { anchor: "anchor", positive: "positive" }, tasks: embedding },
  { columns: { context: "context", question: "question", answers: "answers" }, tasks: ["question-answering"] },
  { columns: { prompt: "prompt", choices: "choices", label: "label" }, tasks: ["multiple-choice"] },
  ...labelled({ text: "text" }),
  ...["tags", "ner_tags"].map((tags) => ({
    columns: { tokens: "tokens", tags },
    tasks: ["token-classification"] as const,
  })),
  { columns: { messages: "messages" }, tasks: classification },
  { columns: { paragraphs: "paragraphs" }, tasks: [...languageModelling, ...embedding] },
  { columns: { sentences: "sentences" }, tasks: [...languageModelling, ...embedding] },
  { columns: { text: "text" }, tasks: [...languageModelling, ...embedding] },
];

const textRoles: readonly Role[] = [
  ...(["text", "text_pair", "context", "question", "prompt", "choices", "paragraphs", "sentences"] as const),
  ...(["anchor", "positive", "negative", "negatives"] as const),
];

/** Names of columns that hold text, or lists of texts, in files of any task. */
export const textColumns: readonly string[] = [
  ...new Set(
    knownLayouts.flatMap(({ columns }) =>
      textRoles.flatMap((role) => (columns[role] === undefined ? [] : [columns[role]])),
    ),
  ),
];

export type FindLayoutOptions = {
  /** Only layouts of this task. */
  readonly task?: TaskName | undefined;
  readonly map?: ColumnMap | undefined;
  readonly file?: string | undefined;
};

/**
 * The layout of a file with these columns, and the task that it is for when none is given.
 *
 * The task is guessed only where nothing else can be meant: one known layout with the most columns, and for texts
 * without labels no other column.
 *
 * @throws DataError "data_columns" that lists the columns found and the layouts known
 */
export function findLayout(
  columns: readonly string[],
  { task, map = {}, file }: FindLayoutOptions = {},
): Layout & { readonly task: TaskName } {
  checkMap(map, columns, file);
  const mapped = Object.entries(map) as [Role, string][];
  const usable = knownLayouts.filter((layout) => task === undefined || layout.tasks.includes(task));
  const matches = usable.flatMap((layout) => {
    const named = { ...layout.columns, ...map };
    const fits =
      mapped.every(([role]) => role in layout.columns) && Object.values(named).every((name) => columns.includes(name));
    return fits ? [{ named, tasks: layout.tasks }] : [];
  });
  const most = Math.max(0, ...matches.map(({ named }) => Object.keys(named).length));
  const best = distinct(matches.filter(({ named }) => Object.keys(named).length === most));
  const [found] = best;
  const ignored = found === undefined ? [] : columns.filter((name) => !Object.values(found.named).includes(name));
  const isUnsafe = found !== undefined && task === undefined && most === 1 && ignored.length > 0;
  if (found === undefined || isUnsafe) throw unknownColumns(columns, usable, { task, file });
  if (best.length > 1)
    throw ambiguous(
      best.map(({ named }) => Object.values(named)),
      file,
    );
  return { columns: found.named, ignored, task: task ?? found.tasks[0]! };
}

function distinct<T extends { readonly named: object }>(matches: readonly T[]): T[] {
  const keyed = matches.map(
    (match) => [JSON.stringify(Object.values(match.named).toSorted((a, b) => a.localeCompare(b))), match] as const,
  );
  return Array.from(new Map(keyed).values());
}

function checkMap(map: ColumnMap, columns: readonly string[], file: string | undefined): void {
  for (const [role, name] of Object.entries(map)) {
    if (!(roles as readonly string[]).includes(role)) {
      throw new DataError("data_option", `columns: expected roles among ${roles.join(", ")}, got "${role}"`, { file });
    }
    if (!columns.includes(name)) {
      const message = `columns: expected a column "${name}" for ${role}, got the columns ${columns.join(", ")}`;
      throw new DataError("data_columns", message, { file });
    }
  }
}

function unknownColumns(
  columns: readonly string[],
  usable: readonly KnownLayout[],
  { task, file }: FindLayoutOptions,
): DataError {
  const known = usable.map((layout) => `{${Object.values(layout.columns).join(", ")}}`);
  const what = task === undefined ? "columns that tell the task" : `columns for ${task}`;
  const message =
    `expected ${what}, one of ${Array.from(new Set(known)).join(", ")}; got {${columns.join(", ")}} ` +
    `(rename columns, or say ${task === undefined ? "the task and " : ""}which column has which role)`;
  return new DataError("data_columns", message, { file });
}

function ambiguous(layouts: readonly (readonly string[])[], file: string | undefined): DataError {
  const found = layouts.map((names) => `{${names.join(", ")}}`).join(" and ");
  const message = `expected one known set of columns, got ${found} (say the task, or which column has which role)`;
  return new DataError("data_columns", message, { file });
}
