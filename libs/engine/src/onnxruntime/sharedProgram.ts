/**
 * @file Where the weights of a program lie that ONNX Runtime has saved: read from the file itself, so that a program of another graph can
 * map the same bytes, packed ones included.
 *
 * ONNX Runtime names the packed form of a weight by the operator that takes it and a hash of the packed bytes
 * (`prepacked_0`: `Gemm+<hash>|<offset>;<length>;<flags>`). A session packs each weight, and drops what it has packed where the
 * file has that name: a name that does not fit costs memory, never a wrong product. Seen in ONNX Runtime 1.30.
 */
import { fieldsOf } from "../onnx/readProtobuf.ts";

/** Name of the program in its folder; weights are beside it. */
export const PROGRAM_FILE = "program.onnx";

/** Keys and values of `TensorProto.external_data`. */
export type ExternalData = Readonly<Record<string, string>>;

/** Field numbers of onnx.proto3. */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_NAME = 8;
const TENSOR_EXTERNAL = 13;
const ENTRY = { key: 1, value: 2 } as const;

/** Operators that pack a weight in the same way. The adapted form of a layer may be the other one (a bias that is not fused any more). */
const samePacking = ["Gemm", "MatMul", "FusedMatMul"];

/** Of each weight that lies in the file beside the program, by name; small ones are in the program itself. */
export function externalInitializers(program: Uint8Array): Map<string, ExternalData> {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const found = new Map<string, ExternalData>();
  for (const graph of fieldsOf(program, MODEL_GRAPH)) {
    for (const tensor of fieldsOf(graph, GRAPH_INITIALIZER)) {
      const entries = fieldsOf(tensor, TENSOR_EXTERNAL).map((entry): [string, string] => [
        text(fieldsOf(entry, ENTRY.key)[0]),
        text(fieldsOf(entry, ENTRY.value)[0]),
      ]);
      const [name] = fieldsOf(tensor, TENSOR_NAME);
      if (name !== undefined && entries.length > 0) found.set(text(name), withOtherNames(Object.fromEntries(entries)));
    }
  }
  return found;
}

/** The packed form under the names of all operators that take it as it is. */
function withOtherNames(external: ExternalData): ExternalData {
  const packed = Object.entries(external).filter(([key]) => key.startsWith("prepacked_"));
  const names = packed.flatMap(([, value]) => {
    const [, operator, rest] = /^(\w+)(\+.*)$/.exec(value) ?? [];
    return operator !== undefined && samePacking.includes(operator) ? samePacking.map((each) => each + rest) : [value];
  });
  const others = Object.entries(external).filter(([key]) => !key.startsWith("prepacked_"));
  return Object.fromEntries([...others, ...[...new Set(names)].map((value, at) => [`prepacked_${at}`, value])]);
}
