/**
 * @file Outputs that replace the values of held tensors, some of which the same run reads.
 *
 * An engine may write such an output to the memory of the input. That gives the right values only if whoever reads the input
 * has done so before the output is written. The order in which an engine runs nodes is its own affair, so it must follow from
 * the graph: every reader is needed by the node that gives the output, or is that node itself and works element by element.
 */
import { nameOf, reachable, resolveShape, type Bindings, type Graph, type Tensor } from "@stagecoach/graph";
import type { EngineTensor, RunInputs } from "./engine.ts";
import { EngineInputError } from "./errors.ts";

const elementwise = new Set(["add", "sub", "mul", "div"]);

export type IntoOptions = { readonly into: Readonly<Record<string, EngineTensor>>; readonly bindings: Bindings };

/** @throws EngineInputError for an unknown output, another type or shape, a tensor given twice, or a graph that reads it too late */
export function checkInto(graph: Graph, given: RunInputs, { into, bindings }: IntoOptions): void {
  const targets = new Map<unknown, string>();
  for (const [name, handle] of Object.entries(into)) {
    const output = graph.outputs.get(name);
    if (output === undefined)
      throw new EngineInputError(`run: "into" names "${name}", which is no output of the graph`);
    const shape = resolveShape(output.shape, bindings);
    if (handle.dtype !== output.dtype || handle.shape.join() !== shape.join()) {
      throw new EngineInputError(
        `run: output "${name}" is ${output.dtype} [${shape.join(", ")}]; the tensor it is to go into is ${handle.dtype} [${handle.shape.join(", ")}]`,
      );
    }
    const other = targets.get(handle);
    if (other !== undefined) throw new EngineInputError(`run: outputs "${other}" and "${name}" go into one tensor`);
    targets.set(handle, name);
  }
  for (const [inputName, tensor] of Object.entries(given)) {
    const name = targets.get(tensor);
    if (name !== undefined) expectInPlace(graph, inputName, name);
  }
}

const proven = new WeakMap<Graph, Set<string>>();

/** @throws EngineInputError unless `outputName` can be written over the input `inputName` */
export function expectInPlace(graph: Graph, inputName: string, outputName: string): void {
  const known = proven.get(graph) ?? new Set<string>();
  proven.set(graph, known);
  const key = JSON.stringify([inputName, outputName]);
  if (known.has(key)) return;
  const input = graph.inputs.find((node) => nameOf(node) === inputName)!;
  const producer = graph.outputs.get(outputName)!;
  const needed = new Set(reachable([producer]));
  const isSafe = (reader: Tensor) =>
    reader === producer
      ? elementwise.has(reader.op) &&
        reader.inputs.every((each) => each !== input || each.shape.join() === reader.shape.join())
      : needed.has(reader);
  const readers = graph.nodes.filter((node) => node.inputs.includes(input));
  const late = readers.find((reader) => !isSafe(reader));
  if (late !== undefined || producer === input) {
    throw new EngineInputError(
      `run: output "${outputName}" cannot replace input "${inputName}": a "${(late ?? producer).op}" node may read it after it was written`,
    );
  }
  known.add(key);
}
