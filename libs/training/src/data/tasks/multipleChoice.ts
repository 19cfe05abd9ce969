/** @file A prompt with choices of which one is right: as many pairs of texts, kept together as one example. */
import type { DataRow } from "../dataRow.ts";
import type { RowFields } from "../rowFields.ts";
import { firstSegmentOf, type TaskReader, type TaskReaderOptions } from "./taskReader.ts";

/** The ids of all pairs one after another. Target: `[right choice, length..., first segment...]`, C of each. */
export function multipleChoiceReader(fields: RowFields, { tokenizer, maxLength }: TaskReaderOptions): TaskReader {
  let numChoices: number | undefined;
  const choicesOf = (row: DataRow) => {
    const choices = fields.texts(row, "choices");
    if (choices.length < 2) throw fields.wrong(row, "choices", "at least two choices");
    numChoices ??= choices.length;
    if (choices.length === numChoices) return choices;
    throw fields.wrong(row, "choices", `a list of ${numChoices} as in the first row`);
  };
  return {
    scan: (row) => {
      choicesOf(row);
    },
    settle: () => ({ task: { name: "multiple-choice", numChoices: numChoices ?? 0 }, labels: [] }),
    encode: (row, sink) => {
      const [prompt, choices] = [fields.text(row, "prompt"), choicesOf(row)];
      const label = Number(fields.value(row, "label"));
      if (!Number.isInteger(label) || label < 0 || label >= choices.length || fields.value(row, "label") === null) {
        throw fields.wrong(row, "label", `the number of the right choice, from 0 to ${choices.length - 1}`);
      }
      const pairs = choices.map((pair) => tokenizer.encodeIds(prompt, { pair, truncation: { maxLength } }));
      if (pairs.some(({ truncated }) => truncated)) sink.truncated();
      const ids = Int32Array.from(pairs.flatMap((pair) => Array.from(pair.ids)));
      const lengths = pairs.map((pair) => pair.ids.length);
      const firstSegments = pairs.map(({ typeIds }) => firstSegmentOf(typeIds));
      sink.add({ ids, firstSegment: 0, target: Int32Array.of(label, ...lengths, ...firstSegments) });
    },
  };
}
