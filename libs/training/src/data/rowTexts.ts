/** @file What people read in a row of a task: its text or texts. */
import type { TaskName } from "@stagecoach/transformer";
import type { DataRow } from "./dataRow.ts";
import type { RowFields } from "./rowFields.ts";
import { readChat } from "./tasks/chat.ts";

export type RowTexts = {
  readonly text: string;
  /** The second text of a pair; of a question its context. */
  readonly pair: string | null;
  /** Of multiple choice. */
  readonly choices: readonly string[] | null;
};

/** @throws DataError for values of another kind than the task's */
export function rowTexts(fields: RowFields, row: DataRow, task: TaskName): RowTexts {
  const none = { pair: null, choices: null };
  if (task === "token-classification") return { ...none, text: fields.texts(row, "tokens").join(" ") };
  if (task === "question-answering")
    return { ...none, text: fields.text(row, "question"), pair: fields.text(row, "context") };
  if (task === "multiple-choice")
    return { ...none, text: fields.text(row, "prompt"), choices: fields.texts(row, "choices") };
  const { text, pair = null } = classifiedTexts(fields, row);
  return { ...none, text, pair };
}

/** Of a text or pair with a label, or a chat of a text and its label. */
export function classifiedTexts(fields: RowFields, row: DataRow): { text: string; pair: string | undefined } {
  if (fields.has("messages")) return { text: readChat(fields, row).question, pair: undefined };
  return { text: fields.text(row, "text"), pair: fields.has("text_pair") ? fields.text(row, "text_pair") : undefined };
}
