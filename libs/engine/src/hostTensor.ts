/** @file Building and checking tensors in JavaScript memory. */
import { bindShapes, formatShape, nameOf, sizeOfShape, type Bindings, type DType, type Graph } from "@stagecoach/graph";
import type { HostTensor, RunInputs, TensorData } from "./engine.ts";
import { isHostTensor } from "./engine.ts";
import { EngineInputError } from "./errors.ts";

/** float32 values of a shape */
export function float32(data: Float32Array | readonly number[], shape: readonly number[]): HostTensor {
  return { dtype: "float32", shape, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

/** Arrays one after another. */
export function joinFloat32(arrays: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of arrays) {
    result.set(each, at);
    at += each.length;
  }
  return result;
}

/** int32 values of a shape */
export function int32(data: Int32Array | readonly number[], shape: readonly number[]): HostTensor {
  return { dtype: "int32", shape, data: data instanceof Int32Array ? data : Int32Array.from(data) };
}

const storage: Readonly<Record<DType, readonly (new (length: number) => TensorData)[]>> = {
  float32: [Float32Array, Float64Array],
  int32: [Int32Array],
  bool: [Uint8Array],
};

/**
 * Check what a run was given against what the graph declares.
 *
 * @returns the values of the graph's symbols in this run
 * @throws EngineInputError for a missing or unknown name, a wrong data type, or data that does not fill its shape
 * @throws ShapeError for a shape that does not fit
 */
export function checkInputs(graph: Graph, given: RunInputs): Bindings {
  const expected = new Map(graph.inputs.map((node) => [nameOf(node), node]));
  const unknown = Object.keys(given).find((name) => !expected.has(name));
  if (unknown !== undefined) {
    throw new EngineInputError(`run: no input is named "${unknown}" (inputs: ${[...expected.keys()].join(", ")})`);
  }
  const shapes = [...expected].map(([name, node]) => {
    const tensor = given[name];
    if (tensor === undefined)
      throw new EngineInputError(`run: input "${name}" of shape ${formatShape(node.shape)} is missing`);
    if (tensor.dtype !== node.dtype)
      throw new EngineInputError(`run: input "${name}": expected ${node.dtype}, got ${tensor.dtype}`);
    if (isHostTensor(tensor)) checkData(name, tensor);
    return { name, declared: node.shape, actual: tensor.shape };
  });
  return bindShapes(shapes);
}

function checkData(name: string, { dtype, shape, data }: HostTensor): void {
  if (!storage[dtype].some((array) => data instanceof array)) {
    throw new EngineInputError(
      `run: input "${name}": expected ${dtype} data in ${storage[dtype][0].name}, got ${data.constructor.name}`,
    );
  }
  if (data.length !== sizeOfShape(shape)) {
    throw new EngineInputError(
      `run: input "${name}": shape ${formatShape(shape)} holds ${sizeOfShape(shape)} values, got ${data.length}`,
    );
  }
}

/** The names of the outputs that a run is to give. */
export function wantedOutputs(graph: Graph, wanted: readonly string[] | undefined): readonly string[] {
  const unknown = wanted?.find((name) => !graph.outputs.has(name));
  if (unknown !== undefined) {
    throw new EngineInputError(
      `run: no output is named "${unknown}" (outputs: ${[...graph.outputs.keys()].join(", ")})`,
    );
  }
  return wanted ?? [...graph.outputs.keys()];
}
