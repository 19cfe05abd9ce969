/** @file Code points, white space and UTF-8 lengths of JavaScript strings. Strings are taken to be well formed. */

/** Whether a UTF-16 unit is of Unicode's White_Space (as Rust's `char::is_whitespace`; all of it is below U+10000). */
export function isWhitespaceUnit(unit: number): boolean {
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d);
  if (unit < 0x1680) return unit === 0x85 || unit === 0xa0;
  return (
    unit === 0x1680 ||
    (unit >= 0x2000 && unit <= 0x200a) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x205f ||
    unit === 0x3000
  );
}

/** Units (1 or 2) of the code point that starts at `index`. */
export function unitsAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  return (unit & 0xfc00) === 0xd800 && index + 1 < text.length ? 2 : 1;
}

/** Whether `index` is the second half of a surrogate pair. */
export function isInsidePair(text: string, index: number): boolean {
  return index > 0 && index < text.length && (text.charCodeAt(index) & 0xfc00) === 0xdc00;
}

/** Bytes of a code point in UTF-8. */
export function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** Number of code points; stops counting beyond `limit`. */
export function countCodePoints(text: string, limit = Infinity): number {
  let count = 0;
  for (let i = 0; i < text.length && count <= limit; i += unitsAt(text, i)) count++;
  return count;
}

/**
 * A copy of `text` that shares no memory with the string that it was cut from, so that a long-lived cache does not keep
 * whole documents alive (engines represent slices as views).
 */
export function detached(text: string): string {
  return ` ${text}`.slice(1);
}
