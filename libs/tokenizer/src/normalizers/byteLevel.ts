/** @file Replaces each byte of the text's UTF-8 form by the character that stands for it. */
import { toByteLevel } from "../byteLevelAlphabet.ts";
import type { NormalizedText } from "../normalizedText.ts";
import { notLocal, type Normalizer } from "./normalizer.ts";

export class ByteLevelNormalizer implements Normalizer {
  readonly locality = notLocal;

  normalizeString(text: string): string {
    return toByteLevel(text);
  }

  normalize(text: NormalizedText): NormalizedText {
    return text.mapChars(toByteLevel);
  }
}
