/**
 * @file A piece of text on its way to the model, and where each of its characters came from.
 *
 * Follows NormalizedString of Rust's tokenizers 0.23.3 (alignments, `transform`, `slice`, `split`), with two differences
 * in form: positions are UTF-16 units instead of UTF-8 bytes, and alignments are kept absolute to the original text, so
 * that a slice is two typed-array views. Values never change; each operation returns a new text or the same one.
 *
 * Text is taken to be well formed (no lone surrogates).
 */
import { isInsidePair, isWhitespaceUnit, unitsAt } from "./unicode/characters.ts";

/** `[start, end)`, in UTF-16 units. */
export type Span = readonly [start: number, end: number];

type Alignment = { readonly starts: Int32Array; readonly ends: Int32Array; readonly at: number };

export class NormalizedText {
  readonly text: string;
  /** The part of the original text that this piece covers. */
  readonly originalStart: number;
  readonly originalEnd: number;
  /** Original span of unit i of `text` at index `at + i`; `undefined` when it is original unit `originalStart + i`. */
  readonly #alignment: Alignment | undefined;

  private constructor(text: string, original: Span, alignment?: Alignment) {
    this.text = text;
    this.originalStart = original[0];
    this.originalEnd = original[1];
    this.#alignment = alignment;
  }

  static from(text: string): NormalizedText {
    return new NormalizedText(text, [0, text.length]);
  }

  /**
   * Original span of `[start, end)` of this text. Positions inside a character stand for the whole character; an empty
   * span is returned relative to `originalStart`, unaligned, as Rust does.
   */
  originalSpan(start: number, end: number): Span {
    if (start === end) return [this.originalStart + start, this.originalStart + end];
    const alignment = this.#alignment;
    if (alignment !== undefined)
      return [alignment.starts[alignment.at + start], alignment.ends[alignment.at + end - 1]];
    const from = isInsidePair(this.text, start) ? start - 1 : start;
    const to = isInsidePair(this.text, end) ? end + 1 : end;
    return [this.originalStart + from, this.originalStart + to];
  }

  slice(start: number, end: number): NormalizedText {
    const alignment = this.#alignment;
    if (alignment === undefined && start === 0 && end === this.text.length) return this;
    const moved = alignment && { ...alignment, at: alignment.at + start };
    return new NormalizedText(this.text.slice(start, end), this.originalSpan(start, end), moved);
  }

  /** The given spans as pieces; empty ones are left out. */
  slices(spans: Iterable<Span>): NormalizedText[] {
    const pieces: NormalizedText[] = [];
    for (const [start, end] of spans) if (start < end) pieces.push(this.slice(start, end));
    return pieces;
  }

  /** The same text with characters replaced one for one, each by one of the same length in UTF-16. */
  withSameShape(text: string): NormalizedText {
    if (text === this.text) return this;
    if (text.length !== this.text.length) throw new Error("internal: withSameShape changes the length");
    return new NormalizedText(text, [this.originalStart, this.originalEnd], this.#alignment);
  }

  /**
   * New text from this one.
   *
   * @param text - the new text
   * @param changes - per code point of it: 0 replaces a code point of the old text, -n also removes the n after it, 1 is an addition
   * @param removedAtStart - code points of the old text that are removed before the first of the new
   */
  transform(text: string, changes: readonly number[], removedAtStart = 0): NormalizedText {
    const [from, to] = this.#transformedRange();
    const [oldStarts, oldEnds] = this.#aligned();
    const starts = new Int32Array(from + text.length + this.text.length - to);
    const ends = new Int32Array(starts.length);
    starts.set(oldStarts.subarray(0, from));
    ends.set(oldEnds.subarray(0, from));
    let source = from;
    for (let i = 0; i < removedAtStart && source < to; i++) source += unitsAt(this.text, source);
    let target = from;
    for (let i = 0, point = 0; i < text.length; point++) {
      const change = changes[point];
      const aligned = change > 0 ? source - 1 : source;
      const start = aligned < 0 ? this.originalStart : oldStarts[aligned];
      const end = aligned < 0 ? this.originalStart : oldEnds[aligned];
      for (let taken = change; taken <= 0 && source < to; taken++) source += unitsAt(this.text, source);
      for (const stop = i + unitsAt(text, i); i < stop; i++, target++) {
        starts[target] = start;
        ends[target] = end;
      }
    }
    starts.set(oldStarts.subarray(to), target);
    ends.set(oldEnds.subarray(to), target);
    const joined = this.text.slice(0, from) + text + this.text.slice(to);
    return this.#with(joined, starts, ends);
  }

  /** Keeps the characters for which `keep` is true. */
  filter(keep: (char: string) => boolean): NormalizedText {
    const kept: string[] = [];
    const changes: number[] = [];
    let removedAtStart = 0;
    for (const char of this.text) {
      if (keep(char)) {
        kept.push(char);
        changes.push(0);
      } else if (kept.length === 0) {
        removedAtStart++;
      } else {
        changes[changes.length - 1]--;
      }
    }
    if (removedAtStart === 0 && changes.every((change) => change === 0)) return this;
    return this.transform(kept.join(""), changes, removedAtStart);
  }

  /** Replaces each character by a string of one or more. */
  mapChars(map: (char: string) => string): NormalizedText {
    let text = "";
    let isSameShape = true;
    const changes: number[] = [];
    for (const char of this.text) {
      const mapped = map(char);
      text += mapped;
      isSameShape &&= mapped.length === char.length && unitsAt(mapped, 0) === mapped.length;
      for (let i = 0; i < mapped.length; i += unitsAt(mapped, i)) changes.push(i === 0 ? 0 : 1);
    }
    return isSameShape ? this.withSameShape(text) : this.transform(text, changes);
  }

  /** Puts `prefix` before a text that is not empty; it is aligned with the first character. */
  prepend(prefix: string): NormalizedText {
    if (this.text === "") return this;
    const [oldStarts, oldEnds] = this.#aligned();
    const starts = new Int32Array(prefix.length + oldStarts.length).fill(oldStarts[0], 0, prefix.length);
    const ends = new Int32Array(starts.length).fill(oldEnds[0], 0, prefix.length);
    starts.set(oldStarts, prefix.length);
    ends.set(oldEnds, prefix.length);
    if (prefix === "") {
      // As Rust: with nothing to put before it, the first character itself counts as added and loses its alignment.
      starts.fill(this.originalStart, 0, unitsAt(this.text, 0));
      ends.fill(this.originalStart, 0, unitsAt(this.text, 0));
    }
    return this.#with(prefix + this.text, starts, ends);
  }

  /** Replaces each of the spans by `content`, which is aligned with the last character of what it replaces. */
  replace(matches: readonly Span[], content: string): NormalizedText {
    if (matches.length === 0) return this;
    const [oldStarts, oldEnds] = this.#aligned();
    const removed = matches.reduce((sum, [start, end]) => sum + end - start, 0);
    const starts = new Int32Array(this.text.length - removed + matches.length * content.length);
    const ends = new Int32Array(starts.length);
    const parts: string[] = [];
    let target = 0;
    let last = 0;
    const copy = (to: number) => {
      starts.set(oldStarts.subarray(last, to), target);
      ends.set(oldEnds.subarray(last, to), target);
      parts.push(this.text.slice(last, to));
      target += to - last;
    };
    for (const [start, end] of matches) {
      copy(start);
      starts.fill(end === 0 ? this.originalStart : oldStarts[end - 1], target, target + content.length);
      ends.fill(end === 0 ? this.originalStart : oldEnds[end - 1], target, target + content.length);
      parts.push(content);
      target += content.length;
      last = end;
    }
    copy(this.text.length);
    return this.#with(parts.join(""), starts, ends);
  }

  /** Without the white space at the ends asked for. */
  strip(left: boolean, right: boolean): NormalizedText {
    let start = 0;
    let end = this.text.length;
    if (left) while (start < end && isWhitespaceUnit(this.text.charCodeAt(start))) start++;
    if (right) while (end > start && isWhitespaceUnit(this.text.charCodeAt(end - 1))) end--;
    if (start === 0 && end === this.text.length) return this;
    const [starts, ends] = this.#aligned();
    return this.#with(this.text.slice(start, end), starts.subarray(start, end), ends.subarray(start, end));
  }

  #with(text: string, starts: Int32Array, ends: Int32Array): NormalizedText {
    return new NormalizedText(text, [this.originalStart, this.originalEnd], { starts, ends, at: 0 });
  }

  /** The alignment written out: start and end of each unit of `text`. */
  #aligned(): readonly [Int32Array, Int32Array] {
    const length = this.text.length;
    if (this.#alignment !== undefined) {
      const { starts, ends, at } = this.#alignment;
      return [starts.subarray(at, at + length), ends.subarray(at, at + length)];
    }
    const starts = new Int32Array(length);
    const ends = new Int32Array(length);
    for (let i = 0; i < length;) {
      const next = i + unitsAt(this.text, i);
      const start = this.originalStart + i;
      for (; i < next; i++) {
        starts[i] = start;
        ends[i] = this.originalStart + next;
      }
    }
    return [starts, ends];
  }

  /**
   * The part of the text that `transform` replaces: all of it, but for characters that are aligned with nothing at the
   * start (an addition before the first character), which Rust's lookup by original position does not find.
   */
  #transformedRange(): Span {
    if (this.#alignment === undefined) return [0, this.text.length];
    const { starts, ends, at } = this.#alignment;
    let from = 0;
    while (from < this.text.length && starts[at + from] === ends[at + from]) from++;
    return [from, this.text.length];
  }
}
