/** @file Replaces each match of a pattern by a text. */
import type { JsonFields } from "../jsonFields.ts";
import type { NormalizedText } from "../normalizedText.ts";
import { patternMatcher, patternSource, type Matcher } from "../pattern.ts";
import { notLocal, wordLocal, type Locality, type Normalizer } from "./normalizer.ts";

/** Expressions that never look beyond a run of spaces: a word and the spaces before it can be normalized on their own. */
const spaceRunExpressions = new Set([" {2,}", " +", "\\s+", "[ ]+", " {2,}+"]);

export class Replace implements Normalizer {
  readonly locality: Locality;
  readonly #matches: Matcher;
  readonly #content: string;

  constructor(config: JsonFields) {
    this.#matches = patternMatcher(config, "pattern");
    this.#content = config.string("content").toWellFormed();
    this.locality = localityOf(patternSource(config, "pattern"), this.#content);
  }

  normalizeString(text: string): string {
    let result = "";
    let last = 0;
    for (const [start, end] of this.#matches(text)) {
      result += text.slice(last, start) + this.#content;
      last = end;
    }
    return last === 0 && result === "" ? text : result + text.slice(last);
  }

  normalize(text: NormalizedText): NormalizedText {
    return text.replace(this.#matches(text.text), this.#content);
  }
}

const isSolid = (text: string) => text !== "" && !/\s/.test(text);

/** Local when it neither looks at white space nor makes or uncovers any. */
function localityOf(pattern: { readonly text?: string; readonly regex?: string }, content: string): Locality {
  if (pattern.text !== undefined) return isSolid(pattern.text) && isSolid(content) ? wordLocal : notLocal;
  const isSpaceRun = pattern.regex !== undefined && spaceRunExpressions.has(pattern.regex);
  return isSpaceRun && content === " " ? wordLocal : notLocal;
}
