/** @file Texts for masked-LM. Nothing of a long text is lost: it becomes several examples, each with the frame of its own. */
import type { DataRow } from "../dataRow.ts";
import { isMaskable, maskVocabulary } from "../masking.ts";
import type { RowFields } from "../rowFields.ts";
import { firstSegmentOf, type TaskReader, type TaskReaderOptions } from "./taskReader.ts";

/** Examples have no target: masks are drawn when batches are made. */
export function maskedLmReader(fields: RowFields, { tokenizer, maxLength }: TaskReaderOptions): TaskReader {
  const vocabulary = maskVocabulary(tokenizer);
  const target = new Int32Array(0);
  const role = fields.has("text") ? "text" : fields.has("paragraphs") ? "paragraphs" : "sentences";
  const textOf = (row: DataRow) => (role === "text" ? fields.text(row, role) : fields.texts(row, role).join("\n"));
  return {
    settle: () => ({ task: { name: "masked-lm" }, labels: [] }),
    encode: (row, sink) => {
      const text = textOf(row);
      const whole = tokenizer.encodeIds(text, { truncation: { maxLength } });
      const pieces = whole.truncated
        ? allPieces(tokenizer.encode(text, { truncation: { maxLength, overflow: true } }))
        : [whole];
      const maskable = pieces.filter(({ ids }) => isMaskable(ids, vocabulary));
      if (maskable.length === 0) throw fields.wrong(row, role, "text with at least one token");
      for (const { ids, typeIds } of maskable) sink.add({ ids, firstSegment: firstSegmentOf(typeIds), target });
    },
  };
}

type Encoded = { readonly ids: Int32Array; readonly typeIds: Int32Array };

function allPieces(encoding: Encoded & { readonly overflowing: readonly Encoded[] }): readonly Encoded[] {
  return [encoding, ...encoding.overflowing];
}
