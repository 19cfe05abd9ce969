/** @file Removes combining marks (general category M); unlike BertNormalizer it does not decompose first. */
import type { NormalizedText } from "../normalizedText.ts";
import { combiningMark } from "../unicode/pinnedClasses.ts";
import { wordLocal, type Normalizer } from "./normalizer.ts";

const mark = new RegExp(combiningMark, "v");
const marks = new RegExp(combiningMark, "gv");

export class StripAccents implements Normalizer {
  readonly locality = wordLocal;

  normalizeString(text: string): string {
    return text.replace(marks, "");
  }

  normalize(text: NormalizedText): NormalizedText {
    return text.filter((char) => !mark.test(char));
  }
}
