/**
 * @file PyTorch's values and gradients for every operation: test/conformance/fixtures/operations.json, written by
 * tools/oracles/operations.py (versions and seed stand in the file).
 */
import { readFileSync } from "node:fs";
import type { HostTensor } from "@stagecoach/engine";
import type { OperationName } from "@stagecoach/graph";

/** Expected values are float64, whatever the engine computes in. */
export type OperationCase = {
  /** `operation/what is special about it` */
  readonly name: string;
  readonly operation: OperationName;
  readonly what: string;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly output: HostTensor;
  /** Gradient of the loss with respect to the output; absent where the output does not depend smoothly on an input. */
  readonly upstream?: HostTensor;
  readonly gradients: Readonly<Record<string, HostTensor>>;
};

type Encoded = { readonly dtype: keyof typeof arrays; readonly shape: readonly number[]; readonly data: string };
type EncodedCase = {
  readonly inputs: Readonly<Record<string, Encoded>>;
  readonly output: Encoded;
  readonly upstream?: Encoded;
  readonly gradients?: Readonly<Record<string, Encoded>>;
};

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, bool: Uint8Array } as const;

export const operationCases: readonly OperationCase[] = read();

function read(): OperationCase[] {
  const file = readFileSync(new URL("fixtures/operations.json", import.meta.url), "utf8");
  const { cases } = JSON.parse(file) as { readonly cases: Readonly<Record<string, EncodedCase>> };
  return Object.entries(cases).map(([name, { inputs, output, upstream, gradients }]) => {
    const [operation, what] = name.split("/", 2) as [OperationName, string];
    return {
      name,
      operation,
      what,
      inputs: decodeAll(inputs),
      output: decode(output),
      ...(upstream === undefined ? {} : { upstream: decode(upstream) }),
      gradients: decodeAll(gradients ?? {}),
    };
  });
}

function decodeAll(encoded: Readonly<Record<string, Encoded>>): Record<string, HostTensor> {
  return Object.fromEntries(Object.entries(encoded).map(([name, each]) => [name, decode(each)]));
}

function decode({ dtype, shape, data }: Encoded): HostTensor {
  const bytes = Uint8Array.from(Buffer.from(data, "base64"));
  return { dtype: dtype === "float64" ? "float32" : dtype, shape, data: new arrays[dtype](bytes.buffer) };
}
