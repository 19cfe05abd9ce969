/** @file Removes white space at the ends of the text. */
import type { JsonFields } from "../jsonFields.ts";
import type { NormalizedText } from "../normalizedText.ts";
import type { Locality, Normalizer } from "./normalizer.ts";

export class Strip implements Normalizer {
  readonly locality: Locality = { boundaries: "any", trimsEdges: true };
  readonly #left: boolean;
  readonly #right: boolean;

  constructor(config: JsonFields) {
    this.#left = config.boolean("strip_left");
    this.#right = config.boolean("strip_right");
  }

  normalizeString(text: string): string {
    const fromLeft = this.#left ? text.replace(/^\p{White_Space}+/u, "") : text;
    return this.#right ? trimEnd(fromLeft) : fromLeft;
  }

  normalize(text: NormalizedText): NormalizedText {
    return text.strip(this.#left, this.#right);
  }
}

/** Without white space at the end. A loop, because an expression anchored at the end would try every run of white space. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /\p{White_Space}/u.test(text[end - 1])) end--;
  return text.slice(0, end);
}
