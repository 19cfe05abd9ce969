/**
 * @file Texts whose vectors are to be near each other: an anchor with its positive, and hard negatives if there are any; or two
 * texts with their similarity; or texts alone, which learn from a teacher. Texts of an example are kept together.
 */
import type { DataRow } from "../dataRow.ts";
import type { RowFields } from "../rowFields.ts";
import type { TaskReader, TaskReaderOptions } from "./taskReader.ts";

/** Vectors are cosine similarities' unless a job says otherwise; the scale is sentence-transformers'. */
const [cosineSimilarity, none] = [{ name: "cosine-similarity" }, { name: "none" }] as const;
const inBatchNegatives = { name: "in-batch-negatives", similarity: "cosine", scale: 20 } as const;

/** The ids of all texts one after another. Target: `[length...]`, one of each, and the bits of a float32 similarity if there is one. */
export function sentenceEmbeddingReader(fields: RowFields, { tokenizer, maxLength }: TaskReaderOptions): TaskReader {
  const hasSimilarity = fields.has("label");
  const isAlone = !hasSimilarity && !fields.has("anchor");
  let numTexts: number | undefined;
  /** Of each example of a row. */
  const examplesOf = (row: DataRow): readonly (readonly string[])[] => {
    if (isAlone) return textsAlone(fields, row).map((text) => [text]);
    if (hasSimilarity) return [[fields.text(row, "text"), fields.text(row, "text_pair")]];
    const texts = [fields.text(row, "anchor"), fields.text(row, "positive"), ...negativesOf(fields, row)];
    numTexts ??= texts.length;
    if (texts.length === numTexts) return [texts];
    throw fields.wrong(row, "negatives", `a list of ${numTexts - 2} as in the first row`);
  };
  return {
    scan: (row) => {
      examplesOf(row);
      if (hasSimilarity) similarityOf(fields, row);
    },
    settle: () => {
      const loss = hasSimilarity ? cosineSimilarity : isAlone ? none : inBatchNegatives;
      return { task: { name: "sentence-embedding", loss, numTexts: isAlone ? 1 : (numTexts ?? 2) }, labels: [] };
    },
    encode: (row, sink) => {
      const similarity = hasSimilarity ? new Int32Array(Float32Array.of(similarityOf(fields, row)).buffer) : [];
      for (const written of examplesOf(row)) {
        const texts = written.map((text) => tokenizer.encodeIds(text, { truncation: { maxLength } }));
        if (texts.some(({ truncated }) => truncated)) sink.truncated();
        const ids = Int32Array.from(texts.flatMap((text) => Array.from(text.ids)));
        const target = Int32Array.from([...texts.map((text) => text.ids.length), ...similarity]);
        sink.add({ ids, firstSegment: ids.length, target });
        sink.texts(written);
      }
    },
  };
}

/** The similarity in the target of an example of two texts. */
export function storedSimilarity(target: Int32Array): number {
  return new Float32Array(target.slice(2).buffer)[0]!;
}

/** A text, or every entry of a document. */
function textsAlone(fields: RowFields, row: DataRow): readonly string[] {
  if (fields.has("text")) return [fields.text(row, "text")];
  return fields.texts(row, fields.has("paragraphs") ? "paragraphs" : "sentences", { inWords: false });
}

function negativesOf(fields: RowFields, row: DataRow): readonly string[] {
  if (fields.has("negatives")) return fields.texts(row, "negatives", { inWords: false });
  return fields.has("negative") ? [fields.text(row, "negative")] : [];
}

/** @throws DataError */
function similarityOf(fields: RowFields, row: DataRow): number {
  const value = fields.value(row, "label");
  const isBlank = typeof value === "string" && value.trim() === "";
  const similarity = typeof value === "number" || (typeof value === "string" && !isBlank) ? Number(value) : Number.NaN;
  if (similarity >= -1 && similarity <= 1) return similarity;
  throw fields.wrong(row, "label", "a similarity from -1 to 1, such as 0.8 (divide marks from 0 to 5 by 5)");
}
