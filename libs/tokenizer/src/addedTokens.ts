/**
 * @file Tokens that were added to the model's vocabulary: which ids they get, and where they are found in a text, before
 * and after normalization.
 *
 * Follows AddedVocabulary of Rust's tokenizers 0.23.3: ids are not those of the file but the model's own id of the token,
 * or the next free one in the order of the file; of the tokens that match at the leftmost place the longest is taken; and
 * a match that is discarded (`single_word`) still hides what lies within it.
 */
import { TokenizerFileError } from "./errors.ts";
import { JsonFields, asArray } from "./jsonFields.ts";
import type { Model } from "./models/model.ts";
import { Trie } from "./models/trie.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import type { Span } from "./normalizedText.ts";
import { isWhitespaceUnit } from "./unicode/characters.ts";
import { asUnicode16, wordCharacter } from "./unicode/pinnedClasses.ts";

export type AddedToken = {
  readonly content: string;
  readonly id: number;
  /** Only where no word character stands beside it. */
  readonly singleWord: boolean;
  /** Takes the white space to its left, or right, with it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Sought in the normalized text, in its normalized form. */
  readonly normalized: boolean;
  /** Left out when decoding, unless asked for. */
  readonly special: boolean;
};

/** An added token in a text. */
export type AddedMatch = { readonly token: AddedToken; readonly span: Span };

export class AddedTokens {
  readonly tokens: readonly AddedToken[];
  /** Found in the text as it is given. */
  readonly raw: AddedTokenMatcher;
  /** Found in the normalized text. */
  readonly normalized: AddedTokenMatcher;
  readonly #ids = new Map<string, number>();
  readonly #byId = new Map<number, AddedToken>();
  readonly #normalizedForms = new Map<number, string>();
  readonly #specialContents: ReadonlySet<string>;

  constructor(tokens: readonly AddedToken[], normalizer: Normalizer | undefined) {
    this.tokens = tokens;
    this.#specialContents = new Set(tokens.filter((token) => token.special).map((token) => token.content));
    for (const token of tokens) {
      this.#ids.set(token.content, token.id);
      this.#byId.set(token.id, token);
    }
    const current = Array.from(this.#byId.values());
    const normalize = (content: string) => normalizer?.normalizeString(content) ?? content;
    for (const token of current) if (token.normalized) this.#normalizedForms.set(token.id, normalize(token.content));
    this.raw = new AddedTokenMatcher(
      current.filter((token) => !token.normalized).map((token) => [token.content, token]),
    );
    this.normalized = new AddedTokenMatcher(
      current.filter((token) => token.normalized).map((token) => [this.#normalizedForms.get(token.id)!, token]),
    );
  }

  get count(): number {
    return this.#ids.size;
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** The string of an added token as decoders get it: its normalized form, if it is sought in normalized text. */
  tokenOf(id: number): string | undefined {
    return this.#normalizedForms.get(id) ?? this.#byId.get(id)?.content;
  }

  isSpecial(token: string): boolean {
    return this.#specialContents.has(token);
  }
}

/**
 * Reads the `added_tokens` block and gives each token its id.
 *
 * @throws TokenizerFileError for a malformed block, and for a token of which normalization leaves nothing
 */
export function readAddedTokens(block: unknown, model: Model, where: string): AddedToken[] {
  if (block === undefined || block === null) return [];
  const ids = new Map<string, number>();
  let nextId = model.vocabSize;
  return asArray(block, where).flatMap((entry, i) => {
    const fields = new JsonFields(entry, `${where}[${i}]`);
    const content = fields.string("content");
    if (content === "") return [];
    const special = fields.boolean("special", false);
    const id = ids.get(content) ?? model.tokenToId(content) ?? nextId++;
    ids.set(content, id);
    const token: AddedToken = {
      content,
      id,
      singleWord: fields.boolean("single_word", false),
      lstrip: fields.boolean("lstrip", false),
      rstrip: fields.boolean("rstrip", false),
      normalized: fields.boolean("normalized", !special),
      special,
    };
    return [token];
  });
}

const endsWithWord = new RegExp(`${wordCharacter}$`, "v");
const startsWithWord = new RegExp(`^${wordCharacter}`, "v");

/** Finds some of the added tokens in texts. */
export class AddedTokenMatcher {
  readonly tokens: readonly AddedToken[];
  readonly #trie: Trie;
  /** 1 where a token may start with a unit of which these are the low bits. */
  readonly #starts = new Uint8Array(256);

  constructor(patterns: readonly (readonly [pattern: string, token: AddedToken])[]) {
    const used = patterns.filter(([pattern]) => pattern !== "");
    if (used.length < patterns.length) {
      const empty = patterns.find(([pattern]) => pattern === "")![1];
      const where = `tokenizer.json: added_tokens, ${JSON.stringify(empty.content)}`;
      throw new TokenizerFileError(where, "a token of which the normalizer leaves something");
    }
    this.tokens = used.map(([, token]) => token);
    this.#trie = new Trie(used.length * 8);
    for (const [i, [pattern]] of used.entries()) {
      this.#trie.insert(pattern, i);
      this.#starts[pattern.charCodeAt(0) & 0xff] = 1;
    }
  }

  /** The added tokens in `text`, in order, each with the white space that it takes along. */
  *find(text: string): Generator<AddedMatch> {
    let taken = 0;
    for (const { token, span } of this.#leftmostLongest(text)) {
      let [start, end] = span;
      if (token.singleWord && !isSingleWord(text, span)) continue;
      if (token.lstrip) start = Math.max(startOfWhitespace(text, start), taken);
      if (token.rstrip) end = endOfWhitespace(text, end);
      // A token that consists of white space may have been taken along whole by the one before.
      if (start < end) yield { token, span: [start, end] };
      taken = end;
    }
  }

  *#leftmostLongest(text: string): Generator<AddedMatch> {
    if (this.tokens.length === 0) return;
    for (let i = 0; i < text.length;) {
      const match = this.#starts[text.charCodeAt(i) & 0xff] === 1 ? this.#longestAt(text, i) : undefined;
      if (match !== undefined) yield match;
      i = match === undefined ? i + 1 : match.span[1];
    }
  }

  #longestAt(text: string, start: number): AddedMatch | undefined {
    let node = this.#trie.root;
    let match: AddedMatch | undefined;
    for (let i = start; i < text.length; i++) {
      node = this.#trie.step(node, text.charCodeAt(i));
      if (node < 0) break;
      const value = this.#trie.valueAt(node);
      if (value >= 0) match = { token: this.tokens[value], span: [start, i + 1] };
    }
    return match;
  }
}

function isSingleWord(text: string, [start, end]: Span): boolean {
  const before = asUnicode16(text.slice(Math.max(0, start - 2), start));
  const after = asUnicode16(text.slice(end, end + 2));
  return !endsWithWord.test(before) && !startsWithWord.test(after);
}

function startOfWhitespace(text: string, end: number): number {
  let start = end;
  while (start > 0 && isWhitespaceUnit(text.charCodeAt(start - 1))) start--;
  return start;
}

function endOfWhitespace(text: string, start: number): number {
  let end = start;
  while (end < text.length && isWhitespaceUnit(text.charCodeAt(end))) end++;
  return end;
}
