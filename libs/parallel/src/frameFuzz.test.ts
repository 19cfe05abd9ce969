import { describe, expect, test } from "vitest";
import { FrameError } from "./errors.ts";
import { decodeFrame, encodeFrame, type Frame } from "./frame.ts";
import { crc32 } from "./node/clock.ts";
import { frameOf, setChecksum } from "./testing/frames.ts";
import { Random } from "./testing/random.ts";

const ROUNDS = 5000;

/** Flip bits, overwrite bytes, cut off or extend. */
function mutate(random: Random, original: Uint8Array): Uint8Array {
  const bytes = original.slice();
  switch (random.whole(0, 3)) {
    case 0:
      for (let flips = random.whole(1, 4); flips > 0; flips--) {
        bytes[random.whole(0, bytes.length - 1)]! ^= 1 << random.whole(0, 7);
      }
      return bytes;
    case 1:
      // Mostly in the header and the table, where every byte has a meaning.
      for (let writes = random.whole(1, 8); writes > 0; writes--) {
        const at = random.whole(0, Math.min(bytes.length, random.chance(0.8) ? 192 : Infinity) - 1);
        bytes[at] = random.pick([0, 1, 2, 5, 0x7f, 0x80, 0xff, random.whole(0, 255)]);
      }
      return bytes;
    case 2:
      return bytes.slice(0, random.whole(0, bytes.length));
    default: {
      const longer = new Uint8Array(bytes.length + random.whole(1, 200));
      longer.set(bytes);
      return longer;
    }
  }
}

/** The frame, or null for a FrameError; anything else that is thrown fails the test. */
function decoded(bytes: Uint8Array): Frame | null {
  try {
    return decodeFrame(bytes, crc32);
  } catch (error) {
    if (error instanceof FrameError) return null;
    throw error;
  }
}

describe("decodeFrame() with damaged frames", () => {
  test(`gives the frame as it was sent or a FrameError (${ROUNDS} mutations)`, () => {
    const random = new Random(41);
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const frame = frameOf(random);
      const result = decoded(mutate(random, encodeFrame(frame, crc32)));
      expect([null, frame]).toContainEqual(result);
      if (result === null) refused++;
    }
    expect(refused).toBeGreaterThan(0.9 * ROUNDS);
  });

  test(`with a checksum in order it gives a frame that fits its message or a FrameError (${ROUNDS} mutations)`, () => {
    const random = new Random(42);
    let accepted = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutate(random, encodeFrame(frameOf(random), crc32));
      if (bytes.length >= 64) setChecksum(bytes);
      // Most of the time the length is in order as well, so that what lies behind it is tried.
      if (bytes.length >= 64 && random.chance(0.7)) {
        new DataView(bytes.buffer).setBigUint64(40, BigInt(bytes.length), true);
        setChecksum(bytes);
      }
      const result = decoded(bytes);
      if (result === null) continue;
      accepted++;
      const tensorBytes = result.tensors.reduce((total, { data }) => total + data.byteLength, 0);
      expect(tensorBytes).toBeLessThanOrEqual(bytes.length);
      for (const { shape, data } of result.tensors) expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
      // It can be sent on (a name that is not UTF-8 changes on the way).
      if (result.tensors.some(({ name }) => name.includes("\ufffd"))) continue;
      expect(decodeFrame(encodeFrame(result, crc32), crc32)).toEqual(result);
    }
    expect(accepted).toBeGreaterThan(0.05 * ROUNDS);
  });

  test("random bytes are refused (2,000 messages, half of them with the right beginning)", () => {
    const random = new Random(43);
    for (let round = 0; round < 2000; round++) {
      const bytes = Uint8Array.from({ length: random.whole(0, 400) }, () => random.whole(0, 255));
      if (random.chance(0.5)) bytes.set([0x53, 0x47, 0x43, 0x31, 1, 0].slice(0, bytes.length));
      expect(decoded(bytes)).toBeNull();
    }
  });
});
