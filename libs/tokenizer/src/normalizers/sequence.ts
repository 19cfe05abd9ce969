/** @file Normalizers one after the other. */
import type { NormalizedText } from "../normalizedText.ts";
import type { Locality, Normalizer } from "./normalizer.ts";

export class NormalizerSequence implements Normalizer {
  readonly locality: Locality;
  readonly #normalizers: readonly Normalizer[];

  constructor(normalizers: readonly Normalizer[]) {
    this.#normalizers = normalizers;
    const boundaries = normalizers.map((normalizer) => normalizer.locality.boundaries);
    this.locality = {
      boundaries: boundaries.includes("none") ? "none" : boundaries.includes("solitary") ? "solitary" : "any",
      trimsEdges: normalizers.some((normalizer) => normalizer.locality.trimsEdges),
    };
  }

  normalizeString(text: string): string {
    return this.#normalizers.reduce((result, normalizer) => normalizer.normalizeString(result), text);
  }

  normalize(text: NormalizedText): NormalizedText {
    return this.#normalizers.reduce((result, normalizer) => normalizer.normalize(result), text);
  }
}
