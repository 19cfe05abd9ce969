/**
 * @file The one class of @huggingface/tokenizers 0.2.0 that is used here. Its own types import without file extensions,
 * which the module resolution of this repository does not follow.
 */
declare module "@huggingface/tokenizers" {
  export class SplitPreTokenizer {
    readonly pattern: RegExp | null;
    constructor(config: { type: "Split"; pattern: { Regex: string }; invert: boolean });
  }
}
