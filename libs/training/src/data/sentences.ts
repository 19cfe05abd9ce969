/** @file Text as sentences (Unicode's rules, UAX 29, by Intl.Segmenter). */

/** @returns the sentences without white space around them; none for blank text */
export function splitSentences(text: string, locale = "en"): string[] {
  const sentences = Array.from(new Intl.Segmenter(locale, { granularity: "sentence" }).segment(text), ({ segment }) =>
    segment.trim(),
  );
  return sentences.filter((sentence) => sentence !== "");
}
