/**
 * @file A loop as a WebAssembly module: four places at a time (SIMD), then the rest one by one.
 *
 * Of WebAssembly there is what this takes: one function over one memory. The module exports `run(bytes, ...scalars)`, which goes
 * over the first `bytes` of each array, and `memory`, in which the arrays lie one after another, inputs first, `stride` bytes
 * apart; after them the sums, as float64.
 *
 * @see https://webassembly.github.io/spec/core/binary
 */
import { signedLeb128, unsignedLeb128 } from "../leb128.ts";
import type { LoopOperation, LoopProgram, Operand } from "./loopProgram.ts";

type Bytes = readonly number[];

const PAGE_BYTES = 65_536;
const FLOAT64_BYTES = 8;
const types = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;

/** Opcodes of one way to go over the places. */
type Lanes = {
  readonly bytes: number;
  readonly load: Bytes;
  readonly store: Bytes;
  readonly arithmetic: Readonly<Record<LoopOperation, Bytes>>;
  readonly constant: (value: number) => Bytes;
  /** Adds a value, as float64, to the total that is on the stack. */
  readonly addTo: (value: Bytes) => Bytes;
};

const simd = (...code: Bytes): Bytes => [0xfd, ...code];
const localGet = (index: number): Bytes => [0x20, ...unsignedLeb128(index)];
const localSet = (index: number): Bytes => [0x21, ...unsignedLeb128(index)];
const i32Const = (value: number): Bytes => [0x41, ...signedLeb128(value)];
const f32Const = (value: number): Bytes => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)];
const f32x4Splat = simd(0x13);
const f64x2Add = simd(0xf0, 0x01);
const f64x2PromoteLow = simd(0x5f);
/** The upper two of four lanes, in place of the lower ones. */
const upperHalf = simd(0x0d, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
const f64x2Lane = (lane: number) => simd(0x21, lane);
const [f32Promote, f64Add, f64Store] = [0xbb, 0xa0, 0x39];
const [i32Add, i32And, i32LessUnsigned] = [0x6a, 0x71, 0x49];
const [ifDo, loopDo, repeatIf, end] = [[0x04, 0x40], [0x03, 0x40], [0x0d, 0x00], 0x0b];
/** Alignment of 2^2 is what every float32 has. */
const memoryAt = (offset: number): Bytes => [2, ...unsignedLeb128(offset)];

const four: Lanes = {
  bytes: 16,
  load: simd(0x00),
  store: simd(0x0b),
  arithmetic: {
    abs: simd(0xe0, 0x01),
    sqrt: simd(0xe3, 0x01),
    add: simd(0xe4, 0x01),
    sub: simd(0xe5, 0x01),
    mul: simd(0xe6, 0x01),
    div: simd(0xe7, 0x01),
  },
  constant: (value) => [...f32Const(value), ...f32x4Splat],
  addTo: (value) => [value, f64x2PromoteLow, f64x2Add, value, value, upperHalf, f64x2PromoteLow, f64x2Add].flat(),
};
const one: Lanes = {
  bytes: 4,
  load: [0x2a],
  store: [0x38],
  arithmetic: { abs: [0x8b], sqrt: [0x91], add: [0x92], sub: [0x93], mul: [0x94], div: [0x95] },
  constant: f32Const,
  addTo: (value) => [...value, f32Promote, f64Add],
};

/** @param stride - bytes from one array to the next, a multiple of 16 */
export function encodeLoop(program: LoopProgram, stride: number): Uint8Array<ArrayBuffer> {
  const { numInputs, numScalars, outputs, sums } = program;
  const memory = (numInputs + outputs.length) * stride + sums.length * FLOAT64_BYTES;
  const parameters = [types.i32, ...Array.from({ length: numScalars }, () => types.f32)];
  const magicAndVersion = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  return Uint8Array.from([
    ...magicAndVersion,
    ...section(1, vector([[0x60, ...sized(parameters), ...sized([])]])),
    ...section(3, vector([[0]])),
    ...section(5, vector([[0x00, ...unsignedLeb128(Math.ceil(memory / PAGE_BYTES))]])),
    ...section(
      7,
      vector([
        [...name("run"), 0x00, 0],
        [...name("memory"), 0x02, 0],
      ]),
    ),
    ...section(10, vector([sized(functionBody(program, stride))])),
  ]);
}

/** Numbers of a way's local variables: of scalars, inputs and steps, and totals. */
type Locals = { readonly scalars: number; readonly values: number; readonly totals: number };

function functionBody(program: LoopProgram, stride: number): Bytes {
  const { numInputs, numScalars, steps, outputs, sums } = program;
  const declared: Bytes[] = [];
  let numLocals = 1 + numScalars;
  const declare = (count: number, type: number): number => {
    declared.push([...unsignedLeb128(count), type]);
    return (numLocals += count) - count;
  };
  const parameters = { bytes: 0, scalars: 1 };
  const [place, limit] = [declare(1, types.i32), declare(1, types.i32)];
  const [scalars, numValues] = [declare(numScalars, types.v128), numInputs + steps.length];
  const ofFour = { scalars, values: declare(numValues, types.v128), totals: declare(sums.length, types.v128) };
  const ofOne = {
    scalars: parameters.scalars,
    values: declare(numValues, types.f32),
    totals: declare(sums.length, types.f64),
  };
  const splats = Array.from({ length: numScalars }, (_, index) =>
    [localGet(parameters.scalars + index), f32x4Splat, localSet(scalars + index)].flat(),
  );
  const storedSums = sums.map((_, index) => {
    const total = localGet(ofFour.totals + index);
    const lanes = [total, f64x2Lane(0), total, f64x2Lane(1), f64Add, localGet(ofOne.totals + index), f64Add];
    const at = (numInputs + outputs.length) * stride + index * FLOAT64_BYTES;
    return [i32Const(0), lanes.flat(), f64Store, memoryAt(at)].flat();
  });
  const loopOf = (lanes: Lanes, locals: Locals) => loop(program, { lanes, locals, place, limit, stride });
  return [
    vector(declared),
    splats.flat(),
    [localGet(parameters.bytes), i32Const(-four.bytes), i32And, localSet(limit)].flat(),
    loopOf(four, ofFour),
    localGet(parameters.bytes),
    localSet(limit),
    loopOf(one, ofOne),
    storedSums.flat(),
    end,
  ].flat();
}

type LoopContext = {
  readonly lanes: Lanes;
  readonly locals: Locals;
  /** Local variables: the byte that is next, and the one to stop before. */
  readonly place: number;
  readonly limit: number;
  readonly stride: number;
};

/** From the place on, as long as it is below the limit. */
function loop(
  { numInputs, steps, outputs, sums }: LoopProgram,
  { lanes, locals, place, limit, stride }: LoopContext,
): Bytes {
  const get = (operand: Operand): Bytes => {
    if ("number" in operand) return lanes.constant(operand.number);
    if ("scalar" in operand) return localGet(locals.scalars + operand.scalar);
    return localGet(locals.values + ("input" in operand ? operand.input : numInputs + operand.step));
  };
  const loaded = Array.from({ length: numInputs }, (_, index) =>
    [localGet(place), lanes.load, memoryAt(index * stride), localSet(locals.values + index)].flat(),
  );
  const computed = steps.map(({ operation, operands }, index) =>
    [operands.flatMap(get), lanes.arithmetic[operation], localSet(locals.values + numInputs + index)].flat(),
  );
  const stored = outputs.map((operand, index) =>
    [localGet(place), get(operand), lanes.store, memoryAt((numInputs + index) * stride)].flat(),
  );
  const summed = sums.map((operand, index) => {
    const total = locals.totals + index;
    return [localGet(total), lanes.addTo(get(operand)), localSet(total)].flat();
  });
  const next = [localGet(place), i32Const(lanes.bytes), i32Add, localSet(place)].flat();
  const isBelow = [localGet(place), localGet(limit), i32LessUnsigned].flat();
  const body = [...loaded, ...computed, ...stored, ...summed, next].flat();
  return [isBelow, ifDo, loopDo, body, isBelow, repeatIf, end, end].flat();
}

const section = (id: number, content: Bytes): Bytes => [id, ...sized(content)];
const sized = (content: Bytes): Bytes => [...unsignedLeb128(content.length), ...content];
const vector = (items: readonly Bytes[]): Bytes => [...unsignedLeb128(items.length), ...items.flat()];
const name = (text: string): Bytes => sized([...new TextEncoder().encode(text)]);
