/**
 * @file The little of protobuf that reading an ONNX model's table of weights takes: the messages, texts and bytes of one field.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/**
 * Values of a length-delimited field of a message, in order; views of its memory.
 * @throws Error for what is no message: ours come from a program beside us
 */
export function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("internal: a protobuf message ends in the middle of a number");
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const wireType = tag % 8;
    if (wireType === VARINT) varint();
    else if (wireType === FIXED64) at += 8;
    else if (wireType === FIXED32) at += 4;
    else if (wireType === DELIMITED) {
      const length = varint();
      if (Math.floor(tag / 8) === wanted) found.push(message.subarray(at, at + length));
      at += length;
    } else throw new Error(`internal: a protobuf message has a field of type ${wireType}`);
    if (at > message.length) throw new Error("internal: a protobuf message ends in the middle of a field");
  }
  return found;
}
