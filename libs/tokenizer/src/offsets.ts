/**
 * @file Offsets from UTF-16 units, JavaScript's own, to what other programs count: bytes of UTF-8 (Rust, gRPC and HTTP
 * APIs) and Unicode code points (Python). O(length of the text + number of offsets).
 */
import { unitsAt, utf8Length } from "./unicode/characters.ts";

/**
 * @param text - the text that the offsets are into; a lone surrogate counts as U+FFFD (3 bytes), as it becomes when encoded
 * @param offsets - positions in UTF-16 units, in any order, such as `Encoding.offsets`
 * @returns positions in bytes of the text's UTF-8 form; a position inside a character is that of its start
 * @throws RangeError for a position outside the text
 */
export function toUtf8Offsets(text: string, offsets: ArrayLike<number>): Int32Array {
  return converted(text, offsets, (codePoint) => utf8Length(codePoint));
}

/**
 * @param text - the text that the offsets are into; a lone surrogate counts as one code point
 * @param offsets - positions in UTF-16 units, in any order, such as `Encoding.offsets`
 * @returns positions in code points; a position inside a character is that of its start
 * @throws RangeError for a position outside the text
 */
export function toCodePointOffsets(text: string, offsets: ArrayLike<number>): Int32Array {
  return converted(text, offsets, () => 1);
}

function converted(text: string, offsets: ArrayLike<number>, sizeOf: (codePoint: number) => number): Int32Array {
  const wellFormed = text.toWellFormed();
  const positions = new Int32Array(text.length + 1);
  let position = 0;
  for (let i = 0; i < wellFormed.length;) {
    const next = i + unitsAt(wellFormed, i);
    positions.fill(position, i, next);
    position += sizeOf(wellFormed.codePointAt(i)!);
    i = next;
  }
  positions[text.length] = position;
  return Int32Array.from(offsets, (offset) => {
    if (Number.isInteger(offset) && offset >= 0 && offset <= text.length) return positions[offset];
    throw new RangeError(`offsets: expected positions from 0 to ${text.length}, got ${offset}`);
  });
}
