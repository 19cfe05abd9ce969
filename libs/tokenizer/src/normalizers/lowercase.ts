/** @file Lower case character by character: as `String.prototype.toLowerCase`, but a final sigma is a sigma like any other. */
import type { NormalizedText } from "../normalizedText.ts";
import { wordLocal, type Normalizer } from "./normalizer.ts";

export class Lowercase implements Normalizer {
  readonly locality = wordLocal;

  normalizeString(text: string): string {
    return lowercaseString(text);
  }

  normalize(text: NormalizedText): NormalizedText {
    return lowercaseText(text);
  }
}

export function lowercaseString(text: string): string {
  return text.replaceAll("\u03a3", "\u03c3").toLowerCase();
}

export function lowercaseText(text: NormalizedText): NormalizedText {
  const lower = lowercaseString(text.text);
  if (lower === text.text) return text;
  // A character that gets longer or shorter in UTF-16 needs the alignment worked out; U+0130 is the only one today.
  return text.mapChars((char) => char.toLowerCase());
}
