/** @file A BERT vocabulary file (`vocab.txt`: one token a line, the line number is the id). */

/** Token to id. White space at the ends of lines is not part of a token; of equal lines the last counts, as in Rust. */
export function parseVocabulary(text: string): Map<string, number> {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return new Map(lines.map((line, id) => [line.trimEnd(), id]));
}
