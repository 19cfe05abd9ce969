/**
 * @file Questions whose answer is a span of a context, in windows (answers/contextWindows.ts). A window without the whole answer
 * has the answer "none": its first token.
 */
import { TruncationError } from "@stagecoach/tokenizer";
import { contextWindows, defaultStride } from "../../answers/contextWindows.ts";
import { DataError } from "../dataError.ts";
import type { DataRow } from "../dataRow.ts";
import type { RowFields } from "../rowFields.ts";
import { readAnswers, type Answer } from "./answers.ts";
import { firstSegmentOf, type TaskReader, type TaskReaderOptions } from "./taskReader.ts";

/** A question as evaluation needs it. */
export type Question = {
  readonly id: string | undefined;
  readonly context: string;
  readonly answers: readonly string[];
};

/**
 * Target of a window: `[first token, last token, question, offsets...]`; offsets are start and end of each token in the
 * context, in UTF-16 units, -1 for tokens outside of it.
 */
export function questionAnsweringReader(fields: RowFields, options: TaskReaderOptions): TaskReader {
  const { tokenizer, maxLength, stride = defaultStride(maxLength) } = options;
  let numQuestions = 0;
  return {
    settle: () => ({ task: { name: "question-answering" }, labels: [] }),
    encode: (row, sink) => {
      const context = fields.text(row, "context");
      const question = fields.text(row, "question").trimStart();
      const answers = readAnswers(fields, row, context);
      const windows = within(fields, row, () =>
        contextWindows(tokenizer, { question, context }, { maxLength, stride }),
      );
      const { id } = row.values;
      const name = typeof id === "string" || typeof id === "number" ? String(id) : undefined;
      sink.question({ id: name, context, answers: answers.map(({ text }) => text) });
      for (const { encoding, offsets } of windows) {
        const [first, last] = answerTokens(offsets, answers[0]);
        const target = Int32Array.of(first, last, numQuestions, ...offsets);
        sink.add({ ids: encoding.ids, firstSegment: firstSegmentOf(encoding.typeIds), target });
      }
      numQuestions++;
    },
  };
}

/** A question that leaves no room for the context is a mistake of its row. */
function within<T>(fields: RowFields, row: DataRow, encode: () => T): T {
  try {
    return encode();
  } catch (cause) {
    if (!(cause instanceof TruncationError)) throw cause;
    const place = { file: fields.file, line: row.line, column: fields.columnOf("question"), cause };
    const message = `expected a question that leaves room for more of the context than the stride, got a longer one (${cause.message})`;
    throw new DataError("data_value", message, place);
  }
}

/** First and last token of the answer, or the first token of all when it is not wholly in the window. */
function answerTokens(offsets: Int32Array, answer: Answer | undefined): readonly [first: number, last: number] {
  const L = offsets.length / 2;
  const inContext = (token: number) => offsets[2 * token]! >= 0;
  const tokens = Array.from({ length: L }, (_, token) => token).filter(inContext);
  const [firstOfAll, lastOfAll] = [tokens[0], tokens.at(-1)];
  if (answer === undefined || firstOfAll === undefined || lastOfAll === undefined) return [0, 0];
  if (offsets[2 * firstOfAll]! > answer.start || offsets[2 * lastOfAll + 1]! < answer.end) return [0, 0];
  const first = tokens.findLast((token) => offsets[2 * token]! <= answer.start) ?? firstOfAll;
  const last = tokens.find((token) => offsets[2 * token + 1]! >= answer.end) ?? lastOfAll;
  return [first, last];
}
