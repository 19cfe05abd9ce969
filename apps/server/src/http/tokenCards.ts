/** @file Tokens as text-embeddings-inference's `/tokenize` shows them. */
import { toUtf8Offsets, type Encoding } from "@stagecoach/tokenizer";
import { z } from "zod";

export const tokenSchema = z
  .object({
    id: z.int(),
    text: z.string().meta({ description: "the piece of the text, or the token of a special one" }),
    special: z.boolean(),
    start: z.int().nullable().meta({ description: "first byte in the UTF-8 text; null for special tokens" }),
    stop: z.int().nullable().meta({ description: "byte after the last one" }),
  })
  .meta({ id: "SimpleToken" });

/** @param texts - the one that was encoded, or the two */
export function tokenCards(encoding: Encoding, texts: readonly string[]): z.output<typeof tokenSchema>[] {
  const { offsets, sequenceIds } = encoding;
  const bytes = texts.map((text, sequence) =>
    toUtf8Offsets(
      text,
      offsets.map((offset, index) => (sequenceIds[index >> 1] === sequence ? offset : 0)),
    ),
  );
  return Array.from(encoding.ids, (id, index) => {
    const sequence = sequenceIds[index] ?? null;
    if (sequence === null) return { id, text: encoding.tokens[index]!, special: true, start: null, stop: null };
    const [from, to] = [offsets[2 * index]!, offsets[2 * index + 1]!];
    const [start, stop] = [bytes[sequence]![2 * index]!, bytes[sequence]![2 * index + 1]!];
    return { id, text: texts[sequence]!.slice(from, to), special: false, start, stop };
  });
}
