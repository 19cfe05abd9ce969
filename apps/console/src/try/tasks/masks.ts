/** @file Masks in a text, and a token put in the place of one. */

/** How many there are. */
export function countMasks(text: string, mask: string): number {
  return text.split(mask).length - 1;
}

/**
 * The text with a token in the place of a mask.
 *
 * @param token.index - of the mask, counted from 0
 * @param token.text - as `/fill-mask` gives it: a piece that goes on with a word begins with `##` in WordPiece vocabularies
 */
export function withToken(
  text: string,
  mask: string,
  token: { readonly index: number; readonly text: string },
): string {
  const parts = text.split(mask);
  const before = parts.slice(0, token.index + 1).join(mask);
  const after = parts.slice(token.index + 1).join(mask);
  const isContinued = token.text.startsWith("##") && token.text.length > 2;
  return isContinued ? before.trimEnd() + token.text.slice(2) + after : before + token.text.trim() + after;
}
