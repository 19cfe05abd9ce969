/** @file What a loop does to each place of its tensors: arithmetic as data, which can be sent to other threads and compared. */

export const binaryOperations = ["add", "sub", "mul", "div"] as const;
export const unaryOperations = ["sqrt", "abs"] as const;
export type LoopOperation = (typeof binaryOperations)[number] | (typeof unaryOperations)[number];

/** A value of this place: of an input, a scalar (the same everywhere), a number, or what an earlier step gave. */
export type Operand =
  { readonly input: number } | { readonly scalar: number } | { readonly number: number } | { readonly step: number };

export type LoopProgram = {
  readonly numInputs: number;
  readonly numScalars: number;
  readonly steps: readonly { readonly operation: LoopOperation; readonly operands: readonly Operand[] }[];
  /** What is stored, in the order of the outputs. */
  readonly outputs: readonly Operand[];
  /** What is added up over all places, in float64. */
  readonly sums: readonly Operand[];
};

const operations: ReadonlySet<string> = new Set([...binaryOperations, ...unaryOperations]);

export const isLoopOperation = (name: string): name is LoopOperation => operations.has(name);
