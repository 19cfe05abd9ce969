/** @file Answers as SQuAD's evaluation script compares them: lower case, no punctuation, no articles, single spaces. */

/** Python's `string.punctuation`. */
const punctuation = /[!-/:-@[-`{-~]/g;
/** `\b(a|an|the)\b` with Python's idea of a word character, which is Unicode's; JavaScript's `\b` knows ASCII only. */
const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;
/** What Python's `str.split` takes for whitespace. */
// oxlint-disable-next-line no-control-regex
const whitespace = /[\t-\r\u001c- \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

export function normalizeAnswer(text: string): string {
  return answerWords(text).join(" ");
}

/** The words of the normalized answer. */
export function answerWords(text: string): string[] {
  return text
    .toLowerCase()
    .replace(punctuation, "")
    .replace(articles, " ")
    .split(whitespace)
    .filter((word) => word !== "");
}
