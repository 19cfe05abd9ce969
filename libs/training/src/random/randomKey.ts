/**
 * @file Keys of named streams of one seed, so that a draw for one purpose never shifts those for another.
 *
 * Streams in use: "split", "order", "mask", "pretraining", "dropout" with the site after it, "init" with the parameter's name.
 */
import { philox, type RandomKey } from "./philox.ts";

/**
 * @param seed - a whole number from 0 to 2^53 - 1
 * @param stream - any name
 * @throws RangeError when the seed is not such a number
 */
export function randomKey(seed: number, stream: string): RandomKey {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`random: expected a seed from 0 to ${Number.MAX_SAFE_INTEGER}, a whole number, got ${seed}`);
  }
  const words = new Uint32Array(4);
  const seedKey: RandomKey = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  philox(seedKey, [hash(stream, 0x811c9dc5), hash(stream, 0x01000193), stream.length, 0], { out: words });
  return [words[0]!, words[1]!];
}

/** FNV-1a over UTF-16 units (Fowler, Noll, Vo; 32 bits), from a given start. */
function hash(text: string, start: number): number {
  let value = start;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
