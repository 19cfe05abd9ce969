/** @file The normalization forms NFC, NFD, NFKC and NFKD as normalizers. */
import type { NormalizedText } from "../normalizedText.ts";
import { changesToForm, normalizeForm, type NormalizationForm } from "../unicode/normalizationForms.ts";
import { wordLocal, type Normalizer } from "./normalizer.ts";

export class UnicodeForm implements Normalizer {
  readonly locality = wordLocal;
  readonly #form: NormalizationForm;

  constructor(form: NormalizationForm) {
    this.#form = form;
  }

  normalizeString(text: string): string {
    return normalizeForm(text, this.#form);
  }

  normalize(text: NormalizedText): NormalizedText {
    return formOfText(text, this.#form);
  }
}

/** `text` in `form`, aligned. */
export function formOfText(text: NormalizedText, form: NormalizationForm): NormalizedText {
  const changed = changesToForm(text.text, form);
  return changed === undefined ? text : text.transform(changed.text, changed.changes);
}
