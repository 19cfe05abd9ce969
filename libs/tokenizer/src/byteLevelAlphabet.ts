/**
 * @file The alphabet of byte-level models: one visible character for each byte (GPT-2's `bytes_to_unicode`).
 *
 * Bytes that are visible in Latin-1 stand for themselves, the others for U+0100 onwards in order.
 */

const isVisible = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);

/** The character of each byte. */
export const byteCharacters: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isVisible(byte) ? byte : next++));
})();

/** The byte of each of those characters. */
export const bytesOfCharacters: ReadonlyMap<string, number> = new Map(byteCharacters.map((char, byte) => [char, byte]));

/** What a space is in that alphabet. */
export const byteLevelSpace = byteCharacters[0x20];

const encoder = new TextEncoder();
const standForThemselves = /^[!-~]*$/;

/** `text` with each byte of its UTF-8 form replaced by that byte's character. */
export function toByteLevel(text: string): string {
  if (standForThemselves.test(text)) return text;
  let result = "";
  for (const byte of encoder.encode(text)) result += byteCharacters[byte];
  return result;
}
