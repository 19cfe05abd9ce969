/**
 * @file The normalizer of sentencepiece models: a compiled table of rewrites (`precompiled_charsmap`).
 *
 * The table is [u32 length of the trie in bytes][trie: u32 units of a double array over UTF-8 bytes][texts that end with
 * NUL]; a value of the trie is the position of a text. Follows Rust's spm_precompiled 0.1.4 as tokenizers 0.23.3 calls it,
 * with all that is odd in it: grapheme clusters are looked up, the shortest entry that starts the cluster wins, and it
 * replaces the whole cluster.
 *
 * For a sequence of normalizers, words are local where the neighbours of a space are grapheme clusters of their own.
 */
import { TokenizerFileError } from "../errors.ts";
import type { JsonFields } from "../jsonFields.ts";
import type { NormalizedText } from "../normalizedText.ts";
import { countCodePoints } from "../unicode/characters.ts";
import { forEachGrapheme } from "../unicode/graphemes.ts";
import type { Locality, Normalizer } from "./normalizer.ts";

const encoder = new TextEncoder();
/** Longer clusters are not looked up as a whole (bytes of UTF-8). */
const maxClusterBytes = 5;

export class Precompiled implements Normalizer {
  readonly locality: Locality = { boundaries: "solitary", trimsEdges: false };
  readonly #charsmap: Charsmap;
  /** Printable ASCII that no entry rewrites: such a text is returned as it is. */
  readonly #untouched: RegExp;

  constructor(config: JsonFields) {
    this.#charsmap = parseCharsmap(config.string("precompiled_charsmap"), config.path("precompiled_charsmap"));
    const printable = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i));
    const kept = printable.filter((char) => this.#charsmap.lookUp(char) === undefined);
    const escaped = kept.map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
    this.#untouched = kept.length === 0 ? /^$/ : new RegExp(`^[${escaped.join("")}]*$`);
  }

  normalizeString(text: string): string {
    if (this.#untouched.test(text)) return text;
    let result = "";
    this.#forEachRewrite(text, (part, rewritten) => {
      result += rewritten ?? part;
    });
    return result;
  }

  normalize(text: NormalizedText): NormalizedText {
    if (this.#untouched.test(text.text)) return text;
    const parts: string[] = [];
    const changes: number[] = [];
    let isModified = false;
    this.#forEachRewrite(text.text, (part, rewritten) => {
      parts.push(rewritten ?? part);
      for (let i = countCodePoints(rewritten ?? part); i > 0; i--) changes.push(0);
      if (rewritten !== undefined) {
        isModified = true;
        countDifference(changes, countCodePoints(rewritten) - countCodePoints(part));
      }
    });
    return isModified ? text.transform(parts.join(""), changes) : text;
  }

  /** Calls `visit` with each part of the text and what it is rewritten to, if it is. */
  #forEachRewrite(text: string, visit: (part: string, rewritten: string | undefined) => void): void {
    forEachGrapheme(text, (start, end) => {
      const cluster = text.slice(start, end);
      const whole = end - start <= maxClusterBytes && isShort(cluster) ? this.#charsmap.lookUp(cluster) : undefined;
      if (whole !== undefined) return visit(cluster, whole);
      for (const char of cluster) visit(char, this.#charsmap.lookUp(char));
    });
  }
}

const isShort = (cluster: string) => cluster.length === 1 || encoder.encode(cluster).length <= maxClusterBytes;

/** The difference in code points is counted on the last ones: 1 each when some were added, minus the number on the last when some were removed. */
function countDifference(changes: number[], difference: number): void {
  if (difference > 0) changes.fill(1, changes.length - difference);
  else if (changes.length > 0) changes[changes.length - 1] += difference;
}

/** Remembers what was looked up, up to this many texts. */
const maxRemembered = 20_000;

class Charsmap {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #remembered = new Map<string, string | undefined>();

  constructor(units: Uint32Array, texts: Uint8Array) {
    this.#units = units;
    this.#texts = texts;
  }

  /** The text of the shortest entry that `text` starts with. */
  lookUp(text: string): string | undefined {
    if (this.#remembered.has(text)) return this.#remembered.get(text);
    const position = this.#shortestPrefix(encoder.encode(text));
    const found = position === undefined ? undefined : this.#textAt(position);
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    this.#remembered.set(text, found);
    return found;
  }

  /** Darts-clone's common prefix search, which ends at the first hit. */
  #shortestPrefix(bytes: Uint8Array): number | undefined {
    const units = this.#units;
    let node = offsetOf(units[0]);
    for (const byte of bytes) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || labelOf(unit) !== byte) return undefined;
      node ^= offsetOf(unit);
      if (((unit >>> 8) & 1) === 1) return units[node] & 0x7fffffff;
    }
    return undefined;
  }

  #textAt(position: number): string {
    const end = this.#texts.indexOf(0, position);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
      this.#texts.subarray(position, end < 0 ? undefined : end),
    );
  }
}

const offsetOf = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
const labelOf = (unit: number) => (unit & 0x800000ff) >>> 0;

function parseCharsmap(base64: string, where: string): Charsmap {
  const bytes = decodeBase64(base64, where);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const trieBytes = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > bytes.length) {
    const got = `${bytes.length} bytes that announce a trie of ${trieBytes}`;
    throw new TokenizerFileError(where, "a compiled character map of sentencepiece", { got });
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  return new Charsmap(units, bytes.subarray(4 + trieBytes));
}

function decodeBase64(base64: string, where: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw new TokenizerFileError(where, "base64", { cause });
  }
}
