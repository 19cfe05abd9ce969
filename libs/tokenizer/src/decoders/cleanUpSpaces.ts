/** @file Takes out the spaces that tokenization leaves before punctuation and English contractions. */

const artifacts = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;

const withoutDoNot = artifacts.filter(([from]) => from !== " do not");

/** As the WordPiece and CTC decoders of Rust's tokenizers 0.23.3 do it to each token. */
export function cleanUpToken(text: string): string {
  return artifacts.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/** As `clean_up_tokenization` of transformers 5.23 does it to the whole text. */
export function cleanUpSpaces(text: string): string {
  return withoutDoNot.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}
