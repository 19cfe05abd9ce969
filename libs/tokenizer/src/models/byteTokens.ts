/** @file The tokens `<0x00>` to `<0xFF>` of byte fallback. */

/** Id of each byte's token, where the vocabulary has it. */
export function byteTokenIds(idOf: (token: string) => number | undefined): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`));
}
