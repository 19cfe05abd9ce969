/** @file LEB128, as protobuf and WebAssembly write integers: seven bits a byte, the lowest first. */

/** @param value - not negative */
export function unsignedLeb128(value: bigint | number): number[] {
  let rest = BigInt(value);
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return bytes;
}

/** @param value - of 32 bits */
export function signedLeb128(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return isLast ? [low] : [low | 0x80, ...signedLeb128(rest)];
}
