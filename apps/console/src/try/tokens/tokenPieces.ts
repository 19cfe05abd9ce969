/**
 * @file Tokens of a text as `/tokenize` tells them, with what stands between them and with what cannot be seen made visible.
 *
 * Places are bytes of the UTF-8 text that the tokenizer has read: the prompt, then the text, lower-cased by some models.
 */

export type Token = {
  readonly id: number;
  readonly text: string;
  readonly special: boolean;
  /** First byte; null for special tokens. */
  readonly start: number | null;
  /** Byte behind the last one. */
  readonly stop: number | null;
};

export type TokenPiece = {
  readonly token: Token;
  /** What stands before it and belongs to no token. */
  readonly gap: string;
  /** Several tokens can stand for one character: all but the first of them repeat its place. */
  readonly isRepeat: boolean;
  /** Whether the model does not get to read it. */
  readonly isCut: boolean;
};

/** @param given - the prompt and the text. @returns what the tokenizer has read; null when the tokens are not of this text */
export function readText(given: string, tokens: readonly Token[]): Uint8Array | null {
  for (const text of new Set([given, given.toLowerCase()])) {
    const bytes = new TextEncoder().encode(text);
    if (tokens.every((token) => token.special || textAt(bytes, token) === token.text)) return bytes;
  }
  return null;
}

function textAt(bytes: Uint8Array, { start, stop }: Token): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start ?? 0, stop ?? 0));
}

/**
 * @param options.bytes - what was read; without it nothing is known of gaps
 * @param options.maxLength - of what the model reads, special tokens included
 */
export function piecesOf(
  tokens: readonly Token[],
  { bytes, maxLength }: { readonly bytes: Uint8Array | null; readonly maxLength: number },
): TokenPiece[] {
  const room = maxLength - tokens.filter(({ special }) => special).length;
  const isLong = tokens.length > maxLength;
  let [at, seen] = [0, 0];
  return tokens.map((token) => {
    const { special, start, stop } = token;
    if (special || start === null || stop === null) return { token, gap: "", isRepeat: false, isCut: false };
    const gap = bytes === null || start <= at ? "" : new TextDecoder().decode(bytes.subarray(at, start));
    const isRepeat = start < at && stop <= at;
    at = Math.max(at, stop);
    return { token, gap, isRepeat, isCut: isLong && seen++ >= room };
  });
}

const names: Readonly<Record<string, string>> = { " ": "·", "\n": "⏎", "\t": "→", "\r": "␍", "\u00a0": "⍽" };

/** A text with signs for white space, and code points for what has no shape: joiners, marks of direction, control characters. */
export function visible(text: string): string {
  return text.replaceAll(/[\s\p{Cc}\p{Cf}]/gu, (character) => names[character] ?? `⟨${codePoint(character)}⟩`);
}

function codePoint(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** UTF-8, as hexadecimal numbers. */
export function bytesOf(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join(
    " ",
  );
}
