/**
 * @file Documents for masked-LM and next-sentence prediction, or for next-sentence prediction alone.
 *
 * All documents are tokenized first; instances are made of them at the end. Where sets are to be split, each gets its
 * instances from its own documents only, random sentences included.
 */
import { RandomSequence } from "../../random/randomSequence.ts";
import { DataError } from "../dataError.ts";
import type { DataRow } from "../dataRow.ts";
import { ExampleStore, maxExampleWords, memoryPieces } from "../exampleStore.ts";
import { maskedShare, maskVocabulary } from "../masking.ts";
import { createPretrainingInstances, type Documents, type PretrainingInstance } from "../pretrainingInstances.ts";
import type { RowFields } from "../rowFields.ts";
import { splitSentences } from "../sentences.ts";
import { splitRows } from "../splitRows.ts";
import type { TaskReader, TaskReaderOptions } from "./taskReader.ts";

/** Target of an example: `[is random next, positions..., labels...]`. */
export function pretrainingReader(fields: RowFields, options: TaskReaderOptions): TaskReader {
  return documentReader(fields, options, "pretraining");
}

/** Target of an example: `[is random next]`; nothing is masked. */
export function nextSentenceReader(fields: RowFields, options: TaskReaderOptions): TaskReader {
  return documentReader(fields, options, "next-sentence");
}

function documentReader(
  fields: RowFields,
  options: TaskReaderOptions,
  task: "pretraining" | "next-sentence",
): TaskReader {
  const { tokenizer, maxLength, seed = 0, createStorage = memoryPieces } = options;
  const { cls, sep } = tokenizer.specialTokens;
  if (cls === undefined || sep === undefined) {
    throw new DataError("data_option", `${task}: expected a tokenizer with CLS and SEP tokens, got one without`);
  }
  const maxPredictions = Math.ceil(maxLength * (options.pretraining?.probability ?? maskedShare));
  const vocabulary = maskVocabulary(tokenizer);
  const settings = { maxPredictions, ...options.pretraining, vocabulary, maxLength, clsId: cls, sepId: sep };
  const store = new ExampleStore(createStorage());
  const target = (instance: PretrainingInstance): Int32Array => {
    const { isRandomNext, positions, labels } = instance;
    return task === "pretraining"
      ? Int32Array.of(+isRandomNext, ...positions, ...labels)
      : Int32Array.of(+isRandomNext);
  };
  return {
    settle: () => ({ task: { name: task }, labels: [] }),
    encode: (row) => {
      const sentences = sentencesOf(fields, row)
        .map((sentence) => tokenizer.encodeIds(sentence, { addSpecialTokens: false }).ids)
        .filter((ids) => ids.length > 0);
      const numWords = sentences.reduce((sum, ids) => sum + ids.length + 1, 0);
      if (numWords === 0)
        throw new DataError("data_value", "expected a document with text, got none", placeOf(fields, row));
      if (numWords > maxExampleWords) {
        const message = `expected documents of at most ${maxExampleWords} tokens, got ${numWords} (divide it)`;
        throw new DataError("data_value", message, placeOf(fields, row));
      }
      store.add({
        ids: concatenated(sentences),
        firstSegment: 0,
        target: Int32Array.from(sentences, (ids) => ids.length),
      });
    },
    finish: (sink) => {
      const split = splitRows(store.size, { seed, ...options.split });
      for (const [part, documents] of Object.entries(split)) {
        if (documents.length === 0) continue;
        if (documents.length === 1) throw tooFew(fields.file, part);
        const random = RandomSequence.of(seed, `pretraining.${part}`);
        // What is only measured needs no variants.
        const dupeFactor = part === "train" ? settings.dupeFactor : 1;
        const own = { ...settings, dupeFactor, random };
        createPretrainingInstances(storedDocuments(store, documents), own, (instance, index) => {
          const { firstSegment } = instance;
          const ids = task === "pretraining" ? instance.ids : unmasked(instance);
          sink.add({ ids, firstSegment, target: target(instance) }, documents[index]);
        });
      }
      store.close();
    },
  };
}

function tooFew(file: string, part: string): DataError {
  const message = `expected at least two documents for ${part}, got one: a random next sentence must be of another (put blank lines between documents)`;
  return new DataError("data_too_small", message, { file });
}

function placeOf(fields: RowFields, row: DataRow): { file: string; line: number | undefined } {
  return { file: fields.file, line: row.line };
}

function sentencesOf(fields: RowFields, row: DataRow): readonly string[] {
  if (fields.has("sentences")) return fields.texts(row, "sentences");
  const paragraphs = fields.has("paragraphs") ? fields.texts(row, "paragraphs") : [fields.text(row, "text")];
  return paragraphs.flatMap((paragraph) => splitSentences(paragraph));
}

function storedDocuments(store: ExampleStore, documents: Int32Array): Documents {
  return {
    size: documents.length,
    sentences: (index) => {
      const { ids, target } = store.get(documents[index]!);
      let at = 0;
      return Array.from(target, (length) => ids.subarray(at, (at += length)));
    },
  };
}

function unmasked({ ids, positions, labels }: PretrainingInstance): Int32Array {
  const original = ids.slice();
  positions.forEach((position, i) => {
    original[position] = labels[i]!;
  });
  return original;
}

function concatenated(sentences: readonly Int32Array[]): Int32Array {
  const ids = new Int32Array(sentences.reduce((sum, sentence) => sum + sentence.length, 0));
  let at = 0;
  for (const sentence of sentences) {
    ids.set(sentence, at);
    at += sentence.length;
  }
  return ids;
}
