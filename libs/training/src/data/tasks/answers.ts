/** @file Answers of SQuAD's forms, with their places checked. */
import { describeValue } from "../dataError.ts";
import type { DataRow } from "../dataRow.ts";
import type { RowFields } from "../rowFields.ts";

/** A span of the context, in UTF-16 units; `end` is exclusive. */
export type Answer = { readonly text: string; readonly start: number; readonly end: number };

/**
 * Answers as `{ text: [...], answer_start: [...] }` (datasets), or as one or a list of `{ text, answer_start }` (SQuAD's own
 * files). Places are counted in code points, as Python counts. None means that there is no answer.
 *
 * @throws DataError "data_value" for another form, "data_span" when an answer is not where it says
 */
export function readAnswers(fields: RowFields, row: DataRow, context: string): Answer[] {
  const { texts, starts } = listsOf(fields, row);
  return texts.map((text, i) => {
    const codePoints = starts[i];
    if (typeof text !== "string" || text === "" || !Number.isInteger(codePoints) || (codePoints as number) < 0) {
      const message = `expected answers with text and answer_start, got ${describeValue(text)} at ${describeValue(codePoints)}`;
      throw fields.error("data_value", message, { row, role: "answers" });
    }
    const start = toUtf16(context, codePoints as number);
    const found = start === undefined ? undefined : context.slice(start, start + text.length);
    if (start === undefined || found !== text) {
      const got = start === undefined ? `a context of ${Array.from(context).length} characters` : describeValue(found);
      const message = `expected ${describeValue(text)} from character ${String(codePoints)} of the context on (code points, from 0), got ${got}`;
      throw fields.error("data_span", message, { row, role: "answers" });
    }
    return { text, start, end: start + text.length };
  });
}

type Lists = { readonly texts: readonly unknown[]; readonly starts: readonly unknown[] };

function listsOf(fields: RowFields, row: DataRow): Lists {
  const value = valueOf(fields, row);
  const list: readonly unknown[] | undefined = Array.isArray(value) ? value : undefined;
  if (list !== undefined && list.every((each) => isAnswer(each) && !Array.isArray(each.text))) {
    const answers = list as readonly Fields[];
    return { texts: answers.map(({ text }) => text), starts: answers.map((each) => each.answer_start) };
  }
  if (!isAnswer(value)) {
    throw fields.wrong(row, "answers", 'answers such as {"text": ["..."], "answer_start": [0]}');
  }
  const [texts, starts] = [[value.text].flat(), [value.answer_start].flat()];
  if (texts.length === starts.length) return { texts, starts };
  const message = `expected as many answer_start as texts (${texts.length}), got ${starts.length}`;
  throw fields.error("data_value", message, { row, role: "answers" });
}

type Fields = { readonly text: unknown; readonly answer_start: unknown };

function isAnswer(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && "text" in value && "answer_start" in value;
}

/** In CSV answers are written as JSON. */
function valueOf(fields: RowFields, row: DataRow): unknown {
  const value = fields.value(row, "answers");
  if (fields.isTyped || typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    throw fields.wrong(row, "answers", "answers as JSON");
  }
}

/** A place counted in code points as one in UTF-16 units; `undefined` beyond the end. */
function toUtf16(text: string, codePoints: number): number | undefined {
  let index = 0;
  for (let i = 0; i < codePoints; i++) {
    const code = text.codePointAt(index);
    if (code === undefined) return undefined;
    index += code > 0xffff ? 2 : 1;
  }
  return index < text.length ? index : undefined;
}
