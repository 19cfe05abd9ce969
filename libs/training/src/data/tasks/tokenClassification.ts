/** @file Words with a tag each (named entities): pieces of a word are aligned with its tag, as transformers' run_ner.py does. */
import type { Tokenizer } from "@stagecoach/tokenizer";
import type { DataPlace } from "../dataError.ts";
import type { DataRow } from "../dataRow.ts";
import { ClassLabels } from "../labelEncoder.ts";
import { LabelScan } from "../labelScan.ts";
import type { RowFields } from "../rowFields.ts";
import { firstSegmentOf, type TaskReader, type TaskReaderOptions } from "./taskReader.ts";

/**
 * Target of an example: `[token, class, token, class, ...]`.
 *
 * Of words that no token is left of (they are nothing but control characters) the tag is lost, as there.
 */
export function tokenClassificationReader(fields: RowFields, options: TaskReaderOptions): TaskReader {
  const { tokenizer, maxLength, labelAllPieces = false } = options;
  const column = fields.columnOf("tags");
  const scan = new LabelScan({ isTyped: fields.isTyped, column });
  const placeOf = (row: DataRow): DataPlace => ({ file: fields.file, line: row.line, column });
  const words = new WordEncoder(tokenizer);
  let labels: ClassLabels | undefined;
  return {
    scan: (row) => scan.add(fields.list(row, "tags"), placeOf(row)),
    settle: () => {
      labels = new ClassLabels(options.labels ?? scan.classes({ file: fields.file, column }));
      return { task: { name: "token-classification", numLabels: labels.names.length }, labels: labels.names };
    },
    encode: (row, sink) => {
      if (labels === undefined) throw new Error("internal: encode before settle");
      const tokens = fields.texts(row, "tokens");
      const tags = fields.list(row, "tags");
      if (tokens.length !== tags.length) {
        const message = `expected as many tags as tokens (${tokens.length}), got ${tags.length}`;
        throw fields.error("data_value", message, { row, role: "tags" });
      }
      const known = labels;
      const classes = tags.map((tag) => known.idOf(tag, placeOf(row)));
      const { ids, wordOfToken } = words.encode(tokens);
      const wrapped = tokenizer.wrapIds(ids, { truncation: { maxLength } });
      if (wrapped.truncated) sink.truncated();
      const numKept = wrapped.ids.length - tokenizer.numSpecialTokens();
      const target = alignedTags(wordOfToken.slice(0, numKept), classes, {
        numLeading: words.numLeading,
        classOfRest: labelAllPieces ? restOfWord(labels) : undefined,
      });
      if (target.length === 0) throw fields.wrong(row, "tokens", "words with at least one token");
      sink.add({ ids: wrapped.ids, firstSegment: firstSegmentOf(wrapped.typeIds), target });
    },
  };
}

type Alignment = {
  /** Special tokens before the first word. */
  readonly numLeading: number;
  /** Class of the pieces of a word after its first; absent when they get none. */
  readonly classOfRest: ((id: number) => number) | undefined;
};

function alignedTags(
  wordOfToken: readonly number[],
  classes: readonly number[],
  { numLeading, classOfRest }: Alignment,
): Int32Array {
  const pairs = wordOfToken.flatMap((word, token) => {
    const isFirst = token === 0 || wordOfToken[token - 1] !== word;
    const label = isFirst ? classes[word]! : classOfRest?.(classes[word]!);
    return label === undefined ? [] : [numLeading + token, label];
  });
  return Int32Array.from(pairs);
}

/** B-X becomes I-X where there is such a class. */
function restOfWord({ names }: ClassLabels): (id: number) => number {
  const rest = names.map((name, id) => {
    const inside = name.startsWith("B-") ? names.indexOf(`I-${name.slice(2)}`) : -1;
    return inside < 0 ? id : inside;
  });
  return (id) => rest[id]!;
}

/** Encodes words one by one, as `is_split_into_words` does; byte-level tokenizers get a space before each. */
class WordEncoder {
  readonly numLeading: number;
  readonly #tokenizer: Tokenizer;
  readonly #space: "" | " ";

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.numLeading = tokenizer.encode("a").specialTokensMask.indexOf(0);
    this.#space = tokenizer.tokenToId("\u0120") === undefined ? "" : " ";
  }

  encode(words: readonly string[]): { readonly ids: readonly number[]; readonly wordOfToken: readonly number[] } {
    const ids: number[] = [];
    const wordOfToken: number[] = [];
    words.forEach((word, index) => {
      for (const id of this.#tokenizer.encodeIds(this.#space + word, { addSpecialTokens: false }).ids) {
        ids.push(id);
        wordOfToken.push(index);
      }
    });
    return { ids, wordOfToken };
  }
}
