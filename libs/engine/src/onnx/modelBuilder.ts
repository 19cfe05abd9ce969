/** @file Collects the nodes and initializers of an ONNX model while a graph is lowered. */
import type { Shape, Tensor } from "@stagecoach/graph";
import type { OnnxAttribute, OnnxInitializer, OnnxNode } from "./onnxModel.ts";

/** Operators of ONNX Runtime that ONNX itself does not have. */
export const MICROSOFT = "com.microsoft";

export type EmitOptions = {
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
  /** Name of the result; made up when left out. */
  readonly output?: string;
  /** Names of results beside the first; an empty name leaves an optional one out. */
  readonly others?: readonly string[];
};

export class ModelBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly #byKey = new Map<string, string>();
  readonly #named = new Set<string>();
  readonly #symbolSources = new Map<string, { readonly input: string; readonly axis: number }>();
  #scope = "";
  #count = 0;

  /** Nodes emitted from here on carry the name of the part of the model that they belong to. */
  enter(scope: string): void {
    this.#scope = scope;
  }

  /** Add a node with one output, whose name has a slash, so that no input or output of a model has it, and return that output's name. An empty input name leaves an optional input out. */
  emit(opType: string, inputs: readonly string[], options: EmitOptions = {}): string {
    const name = `${this.#scope}/${opType}_${this.#count++}`;
    const output = options.output ?? name;
    const { attributes = {}, domain = "", others = [] } = options;
    this.nodes.push({ name, opType, domain, inputs, outputs: [output, ...others], attributes });
    return output;
  }

  /** The same node again is the same value: for helper nodes that several lowerings need. */
  emitOnce(key: string, emit: () => string): string {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const name = emit();
    this.#byKey.set(key, name);
    return name;
  }

  /** Give a value the name of a model output. A value that no node here computes, or that has such a name already, is copied. */
  nameOutput(value: string, output: string): void {
    const producer = this.nodes.findIndex(({ outputs }) => outputs.includes(value));
    if (producer === -1 || this.#named.has(value)) {
      this.emit("Identity", [value], { output });
      this.#named.add(output);
      return;
    }
    this.#named.add(output);
    const rename = (name: string) => (name === value ? output : name);
    this.nodes.forEach((node, position) => {
      this.nodes[position] = { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
    });
  }

  initializer(initializer: OnnxInitializer): string {
    this.initializers.push(initializer);
    return initializer.name;
  }

  int64(values: readonly number[], shape: readonly number[] = [values.length]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#small(`int64[${shape.join()}]:${values.join()}`, { dtype: "int64", shape, values: { bytes } });
  }

  int32(value: number): string {
    return this.#small(`int32:${value}`, {
      dtype: "int32",
      shape: [],
      values: { bytes: bytesOf(Int32Array.of(value)) },
    });
  }

  float(value: number): string {
    return this.#small(`float:${value}`, {
      dtype: "float32",
      shape: [],
      values: { bytes: bytesOf(Float32Array.of(value)) },
    });
  }

  floats(values: Float32Array, shape: readonly number[] = [values.length]): string {
    return this.initializer({
      name: `/constant_${this.initializers.length}`,
      dtype: "float32",
      shape,
      values: { bytes: bytesOf(values) },
    });
  }

  #small(key: string, initializer: Omit<OnnxInitializer, "name">): string {
    return this.emitOnce(key, () =>
      this.initializer({ ...initializer, name: `/constant_${this.initializers.length}` }),
    );
  }

  /** Remember which input tells the size of each symbol. */
  declareInput(name: string, shape: Shape): void {
    shape.forEach((dim, axis) => {
      if (typeof dim === "string" && !this.#symbolSources.has(dim)) this.#symbolSources.set(dim, { input: name, axis });
    });
  }

  /** An int64 vector that holds a shape; computed at run time where it has symbols. */
  shape(shape: Shape): string {
    if (shape.every((dim) => typeof dim === "number")) return this.int64(shape);
    const parts = shape.map((dim) => (typeof dim === "number" ? this.int64([dim]) : this.#symbol(dim)));
    return parts.length === 1
      ? parts[0]
      : this.emitOnce(`shape:${shape.join()}`, () => this.emit("Concat", parts, { attributes: { axis: 0 } }));
  }

  #symbol(dim: string): string {
    const source = this.#symbolSources.get(dim);
    if (source === undefined) throw new Error(`internal: no input has the dimension "${dim}"`);
    return this.emitOnce(`symbol:${dim}`, () =>
      this.emit("Shape", [source.input], { attributes: { start: source.axis, end: source.axis + 1 } }),
    );
  }
}

export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** How one node becomes ONNX nodes: `inputs` are value names; the result is a value name. */
export type Lowering = (builder: ModelBuilder, inputs: readonly string[], node: Tensor) => string;
