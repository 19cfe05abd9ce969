/** @file A BERT tokenizer of a few words, and rows in memory, for tests. */
import { Tokenizer } from "@stagecoach/tokenizer";
import type { DataRow, RowSource } from "../dataRow.ts";

const specialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
export const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 } as const;

/** Ids of words start at 5, in the order given; `##` marks pieces that continue a word. */
export function tinyTokenizer(words: readonly string[], { modelMaxLength = 512 } = {}): Tokenizer {
  const vocab = Object.fromEntries([...specialTokens, ...words].map((token, id) => [token, id]));
  const piece = (id: string) => ({ id, ids: [vocab[id]], tokens: [id] });
  const text = (id: "A" | "B", typeId: number) => ({ Sequence: { id, type_id: typeId } });
  const mark = (id: string, typeId: number) => ({ SpecialToken: { id, type_id: typeId } });
  const tokenizer = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [mark("[CLS]", 0), text("A", 0), mark("[SEP]", 0)],
      pair: [mark("[CLS]", 0), text("A", 0), mark("[SEP]", 0), text("B", 1), mark("[SEP]", 1)],
      special_tokens: { "[CLS]": piece("[CLS]"), "[SEP]": piece("[SEP]") },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
  return new Tokenizer({ tokenizer, config: { model_max_length: modelMaxLength } });
}

/** Rows on lines 1, 2, ... of a file. */
export function memoryRows(
  values: readonly DataRow["values"][],
  { name = "data.jsonl", isTyped = true, portion = 2 } = {},
): RowSource {
  const rows = values.map((each, i) => ({ line: i + 1, values: each }));
  return {
    name,
    isTyped,
    async *read() {
      for (let start = 0; start < rows.length; start += portion) yield rows.slice(start, start + portion);
    },
  };
}
