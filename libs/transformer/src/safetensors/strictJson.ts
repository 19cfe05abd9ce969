/**
 * @file JSON as the safetensors format wants it, which `JSON.parse` cannot tell: duplicate keys are refused, `1.0` is
 * not an integer, and objects are Maps, so that a key `__proto__` is a key like any other.
 *
 * Follows what serde_json (the reference implementation's parser) refuses: lone surrogates, more than 128 levels.
 */

/** A whole number in plain notation is a bigint, every other number a number. */
export type StrictJson = null | boolean | bigint | number | string | readonly StrictJson[] | JsonObject;
export type JsonObject = ReadonlyMap<string, StrictJson>;

const maxDepth = 128;
const maxNumberChars = 64;

/**
 * @param text - one JSON value, white space around it allowed
 * @throws SyntaxError that names the position in `text`
 */
export function parseStrictJson(text: string): StrictJson {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): StrictJson {
    if (depth > maxDepth) throw this.#error(`at most ${maxDepth} levels`);
    this.#skipSpace();
    const char = this.#text[this.#at];
    if (char === "{") return this.#object(depth);
    if (char === "[") return this.#array(depth);
    if (char === '"') return this.#string();
    if (this.#takeWord("true")) return true;
    if (this.#takeWord("false")) return false;
    if (this.#takeWord("null")) return null;
    return this.#number();
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error("nothing after the value");
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, StrictJson>();
    this.#at++;
    if (this.#takeChar("}")) return members;
    do {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw this.#error("a key in quotes");
      const key = this.#string();
      if (members.has(key)) throw this.#error(`no second key ${JSON.stringify(key.slice(0, 120))}`);
      if (!this.#takeChar(":")) throw this.#error('":"');
      members.set(key, this.value(depth + 1));
    } while (this.#takeChar(","));
    if (!this.#takeChar("}")) throw this.#error('"," or "}"');
    return members;
  }

  #array(depth: number): readonly StrictJson[] {
    const items: StrictJson[] = [];
    this.#at++;
    if (this.#takeChar("]")) return items;
    do {
      items.push(this.value(depth + 1));
    } while (this.#takeChar(","));
    if (!this.#takeChar("]")) throw this.#error('"," or "]"');
    return items;
  }

  #string(): string {
    const start = this.#at;
    let end = start;
    let backslashes: number;
    do {
      end = this.#text.indexOf('"', end + 1);
      if (end === -1) throw this.#error("a closing quote");
      backslashes = 0;
      while (this.#text[end - 1 - backslashes] === "\\") backslashes++;
    } while (backslashes % 2 === 1);
    this.#at = end + 1;
    // JSON.parse knows the escapes and refuses control characters.
    const value = JSON.parse(this.#text.slice(start, end + 1)) as string;
    if (!value.isWellFormed()) throw this.#error("no lone surrogate in a string");
    return value;
  }

  #number(): bigint | number {
    const start = this.#at;
    while (this.#at < this.#text.length && "+-.0123456789eE".includes(this.#text.charAt(this.#at))) this.#at++;
    const token = this.#text.slice(start, Math.min(this.#at, start + maxNumberChars + 1));
    if (token.length > maxNumberChars || !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(token)) {
      this.#at = start;
      throw this.#error("a JSON value");
    }
    return /^-?\d+$/.test(token) ? BigInt(token) : Number(token);
  }

  #takeChar(char: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #takeWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && " \t\n\r".includes(this.#text.charAt(this.#at))) this.#at++;
  }

  #error(expected: string): SyntaxError {
    return new SyntaxError(`expected ${expected} at character ${this.#at}`);
  }
}
