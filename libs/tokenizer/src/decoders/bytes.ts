/** @file The decoders that turn tokens into bytes and bytes into text: ByteLevel and ByteFallback. */
import { bytesOfCharacters } from "../byteLevelAlphabet.ts";
import type { Decoder } from "./decoder.ts";

const encoder = new TextEncoder();
const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Byte-level characters back to bytes, all tokens as one text; a token with any other character stands for itself. */
export const byteLevelDecoder: Decoder = (tokens) => {
  const parts = tokens.map((token) => {
    const bytes = Array.from(token, (char) => bytesOfCharacters.get(char));
    return bytes.includes(undefined) ? encoder.encode(token) : Uint8Array.from(bytes as number[]);
  });
  return [lossy.decode(joined(parts))];
};

/** Runs of `<0x..>` tokens to the text that they encode, or to one U+FFFD for each when it is not valid UTF-8. */
export const byteFallbackDecoder: Decoder = (tokens) => {
  const result: string[] = [];
  let run: number[] = [];
  const endRun = () => {
    if (run.length > 0) result.push(...textOfRun(run));
    run = [];
  };
  for (const token of tokens) {
    const byte = byteOf(token);
    if (byte === undefined) {
      endRun();
      result.push(token);
    } else {
      run.push(byte);
    }
  }
  endRun();
  return result;
};

/** The byte of `<0x41>`; like Rust's parser it also reads a plus sign, as in `<0x+4>`. */
function byteOf(token: string): number | undefined {
  const digits = /^<0x([0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>$/.exec(token)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits.replace("+", ""), 16);
}

function textOfRun(run: readonly number[]): string[] {
  try {
    return [strict.decode(Uint8Array.from(run))];
  } catch {
    // Not valid UTF-8: the decoder has no other way to say so.
    return run.map(() => "\ufffd");
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
