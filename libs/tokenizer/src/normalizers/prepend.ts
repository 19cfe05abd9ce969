/** @file Puts a text before every text that is not empty. */
import type { JsonFields } from "../jsonFields.ts";
import type { NormalizedText } from "../normalizedText.ts";
import { notLocal, type Normalizer } from "./normalizer.ts";

export class Prepend implements Normalizer {
  readonly locality = notLocal;
  readonly #prefix: string;

  constructor(config: JsonFields) {
    this.#prefix = config.string("prepend").toWellFormed();
  }

  normalizeString(text: string): string {
    return text === "" ? "" : this.#prefix + text;
  }

  normalize(text: NormalizedText): NormalizedText {
    return text.prepend(this.#prefix);
  }
}
