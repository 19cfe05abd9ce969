import { describe, expect, test } from "vitest";
import { FrameError } from "./errors.ts";
import {
  decodeFrame,
  encodeFrame,
  frameBytesFor,
  frameKinds,
  PROTOCOL_VERSION,
  tensorNamed,
  type Frame,
  type FrameTensor,
} from "./frame.ts";
import { crc32 } from "./node/clock.ts";
import { frameOf, setChecksum } from "./testing/frames.ts";
import { Random } from "./testing/random.ts";

const fields = {
  kind: "forward",
  run: 0,
  epoch: 3,
  step: 0,
  microBatch: 7,
  attempt: 1,
  meta: {},
  tensors: [],
} as const;

const float32 = (name: string, shape: number[], values: number[]): FrameTensor => ({
  name,
  dtype: "float32",
  shape,
  data: Float32Array.from(values),
});
const int32 = (name: string, values: number[]): FrameTensor => ({
  name,
  dtype: "int32",
  shape: [values.length],
  data: Int32Array.from(values),
});

const roundTrip = (frame: Frame) => decodeFrame(encodeFrame(frame, crc32), crc32);

/** The CRC-32 of ISO-HDLC, bit by bit, so that the test does not trust a table of another. */
function slowCrc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe("encodeFrame()", () => {
  test("writes the bytes of docs/PROTOCOL.md", () => {
    const meta = '{"output":"sentence"}'; // 21 bytes
    const expected = new Uint8Array(64 + 2 * 64 + 64 + 64 + 64);
    const view = new DataView(expected.buffer);
    expected.set([0x53, 0x47, 0x43, 0x31], 0); // SGC1
    view.setUint16(4, 2, true); // protocol version
    view.setUint16(6, 3, true); // forward
    view.setUint32(8, 0x01020304, true); // epoch
    view.setUint32(12, 5, true); // step
    view.setUint32(16, 6, true); // run, low half
    view.setUint32(20, 1, true); // run, high half
    view.setUint32(24, 0xfffffffe, true); // micro-batch
    view.setUint16(28, 2, true); // attempt
    view.setUint16(30, 2, true); // tensors
    view.setUint32(32, 21, true); // bytes of JSON
    view.setUint32(40, expected.length, true); // bytes of the frame
    expected.set(new TextEncoder().encode("lengths"), 64);
    expected.set([2, 1], 64 + 24); // int32, rank 1
    view.setUint32(64 + 32, 3, true);
    expected.set(new TextEncoder().encode("hidden"), 128);
    expected.set([1, 2], 128 + 24); // float32, rank 2
    view.setUint32(128 + 32, 1, true);
    view.setUint32(128 + 40, 2, true);
    expected.set(new TextEncoder().encode(meta), 192);
    [4, -1, 65_536].forEach((value, index) => view.setInt32(256 + 4 * index, value, true));
    [1.5, -0.1].forEach((value, index) => view.setFloat32(320 + 4 * index, value, true));
    view.setUint32(48, slowCrc32(expected), true); // taken while the field is 0

    const frame: Frame = {
      kind: "forward",
      run: 2 ** 32 + 6,
      epoch: 0x01020304,
      step: 5,
      microBatch: 0xfffffffe,
      attempt: 2,
      meta: { output: "sentence" },
      tensors: [int32("lengths", [4, -1, 65_536]), float32("hidden", [1, 2], [1.5, -0.1])],
    };
    expect(encodeFrame(frame, crc32)).toEqual(expected);
    expect(decodeFrame(expected, crc32)).toEqual(frame);
  });

  test("puts every tensor at a multiple of 64 bytes", () => {
    const tensors = [int32("a", [1]), float32("b", [17], Array(17).fill(2)), int32("c", []), int32("d", [9])];
    const bytes = encodeFrame({ ...fields, tensors, meta: { text: "x".repeat(70) } }, crc32);
    expect(bytes.length % 64).toBe(0);
    for (const { data } of decodeFrame(bytes, crc32).tensors) {
      expect(data.byteOffset % 64).toBe(0);
      expect(data.buffer).toBe(bytes.buffer);
    }
  });

  test("copies a tensor that is a part of a larger array", () => {
    const large = Float32Array.from({ length: 10 }, (_, index) => index);
    const tensor = { name: "x", dtype: "float32", shape: [3], data: large.subarray(4, 7) } as const;
    expect([...roundTrip({ ...fields, tensors: [tensor] }).tensors[0]!.data]).toEqual([4, 5, 6]);
  });

  test.each([
    ["17 tensors", { tensors: Array.from({ length: 17 }, (_, index) => int32(`t${index}`, [1])) }],
    ["a name of 25 bytes", { tensors: [int32("n".repeat(25), [1])] }],
    ["a name of 13 letters that take 26 bytes", { tensors: [int32("é".repeat(13), [1])] }],
    ["65 KiB of JSON", { meta: { text: "x".repeat(65 * 1024) } }],
    ["a tensor of rank 5", { tensors: [float32("x", [1, 1, 1, 1, 1], [1])] }],
    ["a shape that its values do not fill", { tensors: [float32("x", [2, 3], [1, 2])] }],
  ])("refuses %s", (_, change) => {
    expect(() => encodeFrame({ ...fields, ...change }, crc32)).toThrow(FrameError);
  });
});

describe("decodeFrame()", () => {
  test.each(frameKinds)("a %s frame comes back as it was", (kind) => {
    const frame: Frame = { ...fields, kind, meta: { credits: 2, nested: { list: [1, "zwei", null] } } };
    expect(roundTrip(frame)).toEqual(frame);
  });

  test("random frames come back as they were: kinds, data types, ranks 0 to 4, empty tensors, any float (500)", () => {
    const random = new Random(31);
    for (let round = 0; round < 500; round++) {
      const frame = frameOf(random);
      const result = roundTrip(frame);
      expect(result).toEqual(frame);
      result.tensors.forEach(({ data }, index) => {
        const original = frame.tensors[index]!.data;
        expect(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).toEqual(
          new Uint8Array(original.buffer, original.byteOffset, original.byteLength),
        );
      });
    }
  });

  test.each([0, 1, 2, 3, 4, 8, 63])("reads a message that lies %i bytes into a larger buffer", (offset) => {
    const frame = { ...fields, tensors: [int32("lengths", [1, 2, 3]), float32("x", [2, 2], [1, 2, 3, 4])] };
    const bytes = encodeFrame(frame, crc32);
    const around = new Uint8Array(bytes.length + 100).fill(0xaa);
    around.set(bytes, offset);
    expect(decodeFrame(around.subarray(offset, offset + bytes.length), crc32)).toEqual(frame);
  });

  // A socket gives Buffers, whose slice() is a view where that of Uint8Array is a copy.
  test.each([0, 1, 2, 3, 4, 8, 63])("reads a Buffer that lies %i bytes into a larger one", (offset) => {
    const frame = { ...fields, tensors: [int32("lengths", [1, 2, 3]), float32("x", [2, 2], [1, 2, 3, 4])] };
    const bytes = encodeFrame(frame, crc32);
    const around = Buffer.alloc(bytes.length + 100, 0xaa);
    around.set(bytes, offset);
    expect(decodeFrame(around.subarray(offset, offset + bytes.length), crc32)).toEqual(frame);
  });

  test("looks at aligned tensors where they are, without copying", () => {
    const bytes = encodeFrame({ ...fields, tensors: [float32("x", [2], [1, 2])] }, crc32);
    expect(decodeFrame(bytes, crc32).tensors[0]!.data.buffer).toBe(bytes.buffer);
  });

  test("reads a frame of 1,000 rows of 384 values with lengths", () => {
    const random = new Random(32);
    const hidden = Float32Array.from({ length: 384_000 }, () => random.normal());
    const tensors: FrameTensor[] = [
      int32("lengths", [400, 600]),
      { name: "hidden", dtype: "float32", shape: [1000, 384], data: hidden },
    ];
    expect(roundTrip({ ...fields, tensors }).tensors[1]!.data).toEqual(hidden);
  });
});

/** A valid frame with some header bytes overwritten, checksum in order. */
function tampered(change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const bytes = encodeFrame({ ...fields, meta: { a: 1 }, tensors: [float32("x", [2, 2], [1, 2, 3, 4])] }, crc32);
  change(bytes, new DataView(bytes.buffer));
  return setChecksum(bytes);
}

/** The same frame with other JSON in it, of any length. */
function withMeta(meta: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((64 + meta.length) / 64) * 64);
  bytes.set(encodeFrame(fields, crc32).subarray(0, 64));
  bytes.set(meta, 64);
  const view = new DataView(bytes.buffer);
  view.setUint32(32, meta.length, true);
  view.setBigUint64(40, BigInt(bytes.length), true);
  return setChecksum(bytes);
}

const text = (value: string) => new TextEncoder().encode(value);

describe("decodeFrame() refuses", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["nothing at all", new Uint8Array(0), /at least 64 bytes, got 0/],
    ["half a header", encodeFrame(fields, crc32).subarray(0, 63), /at least 64 bytes, got 63/],
    ["another magic", tampered((bytes) => bytes.set(text("HTTP"))), /begin with SGC1/],
    [
      "another version, and says what to do",
      tampered((_, view) => view.setUint16(4, 1, true)),
      /version 2, got 1 \(run the same release/,
    ],
    ["kind 0", tampered((_, view) => view.setUint16(6, 0, true)), /kind 1 to 7, got 0/],
    ["kind 8", tampered((_, view) => view.setUint16(6, 8, true)), /kind 1 to 7, got 8/],
    [
      "a claim of 2^60 bytes",
      tampered((_, view) => view.setBigUint64(40, 1n << 60n, true)),
      /claims 1152921504606846976/,
    ],
    ["a claim of 2^64 - 1 bytes", tampered((_, view) => view.setBigUint64(40, (1n << 64n) - 1n, true)), /claims/],
    ["65,535 tensors", tampered((_, view) => view.setUint16(30, 65_535, true)), /65535 tensors/],
    ["17 tensors", tampered((_, view) => view.setUint16(30, 17, true)), /17 tensors/],
    ["JSON of 4 GiB", tampered((_, view) => view.setUint32(32, 0xffffffff, true)), /4294967295 bytes of JSON/],
    ["a run beyond 2^53", tampered((_, view) => view.setBigUint64(16, 1n << 53n, true)), /run is out of range/],
    ["data type 0", tampered((bytes) => bytes.set([0], 64 + 24)), /unknown type/],
    ["data type 3", tampered((bytes) => bytes.set([3], 64 + 24)), /unknown type/],
    ["rank 5", tampered((bytes) => bytes.set([5], 64 + 25)), /rank 5/],
    ["rank 255", tampered((bytes) => bytes.set([255], 64 + 25)), /rank 255/],
    ["one row too many", tampered((_, view) => view.setBigUint64(64 + 32, 100n, true)), /does not fit/],
    [
      "a size that overflows 64 bits",
      tampered((_, view) => {
        view.setBigUint64(64 + 32, 1n << 40n, true);
        view.setBigUint64(64 + 40, 1n << 40n, true);
      }),
      /does not fit/,
    ],
    [
      "a size that is 0 modulo 2^64",
      tampered((bytes, view) => {
        bytes.set([4], 64 + 25);
        for (const axis of [0, 1, 2, 3]) view.setBigUint64(64 + 32 + 8 * axis, 1n << 52n, true);
      }),
      /does not fit/,
    ],
    ["a dimension beyond 2^53", tampered((_, view) => view.setBigUint64(64 + 32, 1n << 63n, true)), /out of range/],
    [
      "fewer rows than there are bytes",
      tampered((_, view) => view.setBigUint64(64 + 32, 0n, true)),
      /after the last tensor/,
    ],
    ["JSON that does not parse", withMeta(text('{"a":')), /does not parse/],
    ["no JSON", withMeta(text("")), /does not parse/],
    ["JSON that is not UTF-8", withMeta(Uint8Array.of(0x22, 0xff, 0x22)), /does not parse/],
    ["JSON that is an array", withMeta(text("[1]")), /not an object/],
    ["JSON that is null", withMeta(text("null")), /not an object/],
    ["JSON that is a number", withMeta(text("7")), /not an object/],
    ["JSON beyond 64 KiB", withMeta(text(`{"a":"${"x".repeat(65_536)}"}`)), /do not fit/],
  ])("%s", (_, bytes, message) => {
    expect(() => decodeFrame(bytes, crc32)).toThrow(FrameError);
    expect(() => decodeFrame(bytes, crc32)).toThrow(message);
  });

  test("bytes after the frame", () => {
    const bytes = encodeFrame(fields, crc32);
    const longer = new Uint8Array(bytes.length + 64);
    longer.set(bytes);
    expect(() => decodeFrame(longer, crc32)).toThrow(/claims 128 bytes, the message has 192/);
    new DataView(longer.buffer).setBigUint64(40, 192n, true);
    expect(() => decodeFrame(setChecksum(longer), crc32)).toThrow(/64 bytes after the last tensor/);
  });

  test("a frame whose checksum is wrong by one bit", () => {
    const bytes = encodeFrame(fields, crc32);
    bytes[50]! ^= 1;
    expect(() => decodeFrame(bytes, crc32)).toThrow(/checksum .*damaged on the way/);
  });

  test("claims of gigabytes, without allocating for them", () => {
    const hostile = [
      tampered((_, view) => view.setBigUint64(64 + 32, 1n << 30n, true)),
      tampered((_, view) => view.setBigUint64(40, 1n << 33n, true)),
      tampered((_, view) => view.setUint32(32, 1 << 30, true)),
    ];
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 100; round++) {
      for (const bytes of hostile) expect(() => decodeFrame(bytes, crc32)).toThrow(FrameError);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
  });
});

describe("frameBytesFor()", () => {
  test("allows the largest frame that carries so many bytes of tensors", () => {
    // As wasteful as a frame can be: 16 tensors of one value, each padded to 64 bytes, and all the JSON there may be.
    const tensors = Array.from({ length: 16 }, (_, index) => int32(`${"n".repeat(22)}${index % 10}`, [1]));
    const bytes = encodeFrame({ ...fields, tensors, meta: { t: "x".repeat(64 * 1024 - 8) } }, crc32);
    expect(bytes.length).toBeLessThanOrEqual(frameBytesFor(16 * 4));
    expect(bytes.length).toBeGreaterThan(64 * 1024);
  });
});

describe("tensorNamed()", () => {
  const frame = { ...fields, tensors: [int32("lengths", [1])] };

  test("gives the tensor of that name", () => {
    expect(tensorNamed(frame, "lengths", "int32").data).toEqual(Int32Array.of(1));
  });

  test.each([
    ["hidden", "float32"],
    ["lengths", "float32"],
  ] as const)("refuses a frame without a %s of %s, and says what there is", (name, dtype) => {
    expect(() => tensorNamed(frame, name, dtype)).toThrow(FrameError);
    expect(() => tensorNamed(frame, name, dtype)).toThrow("got lengths int32");
  });
});

test("the protocol's version is 2", () => expect(PROTOCOL_VERSION).toBe(2));
