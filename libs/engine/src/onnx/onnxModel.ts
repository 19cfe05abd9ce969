/**
 * @file An ONNX model as plain data, and its encoding as `ModelProto`.
 *
 * Field numbers are those of onnx.proto3 (ONNX 1.16, IR version 8). Only what we emit is here.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import type { DType, Shape } from "@stagecoach/graph";
import { ProtobufWriter } from "./protobuf.ts";

/** TensorProto.DataType */
export const onnxDataTypes = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;
export type OnnxDataType = keyof typeof onnxDataTypes;

export type OnnxAttribute = number | { readonly float: number } | string | readonly number[];

export type OnnxNode = {
  readonly name: string;
  readonly opType: string;
  /** "" is ONNX's own operator set */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
};

export type OnnxInitializer = {
  readonly name: string;
  readonly dtype: OnnxDataType;
  readonly shape: readonly number[];
  /** Little-endian values, or the place in a file beside the model where they lie. */
  readonly values:
    | { readonly bytes: Uint8Array }
    | { readonly location: string; readonly offset: number; readonly length: number }
    /** Keys and values as another program has them. */
    | { readonly external: Readonly<Record<string, string>> };
};

export type OnnxValue = { readonly name: string; readonly dtype: DType | OnnxDataType; readonly shape: Shape };

/** A list of float32 tensors of any shape. */
export type OnnxSequence = { readonly name: string; readonly sequence: true };

export type OnnxModel = {
  readonly graphName: string;
  readonly producer: string;
  readonly opsets: Readonly<Record<string, number>>;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly (OnnxValue | OnnxSequence)[];
  readonly metadata: Readonly<Record<string, string>>;
};

const IR_VERSION = 8;
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;
const EXTERNAL = 1;

/** Bytes of a `.onnx` file. */
export function encodeOnnxModel(model: OnnxModel): Uint8Array {
  const writer = new ProtobufWriter().varint(1, IR_VERSION).string(2, model.producer);
  writer.message(7, (graph) => writeGraph(graph, model));
  for (const [domain, version] of Object.entries(model.opsets)) {
    writer.message(8, (opset) => (domain === "" ? opset : opset.string(1, domain)).varint(2, version));
  }
  for (const [key, value] of Object.entries(model.metadata)) {
    writer.message(14, (entry) => entry.string(1, key).string(2, value));
  }
  return writer.finish();
}

function writeGraph(writer: ProtobufWriter, { graphName, nodes, initializers, inputs, outputs }: OnnxModel): void {
  for (const node of nodes) writer.message(1, (inner) => writeNode(inner, node));
  writer.string(2, graphName);
  for (const initializer of initializers) writer.message(5, (inner) => writeInitializer(inner, initializer));
  for (const value of inputs) writer.message(11, (inner) => writeValue(inner, value));
  for (const value of outputs) writer.message(12, (inner) => writeValue(inner, value));
}

function writeNode(writer: ProtobufWriter, node: OnnxNode): void {
  for (const name of node.inputs) writer.string(1, name);
  for (const name of node.outputs) writer.string(2, name);
  writer.string(3, node.name).string(4, node.opType);
  for (const [name, value] of Object.entries(node.attributes))
    writer.message(5, (inner) => writeAttribute(inner, name, value));
  if (node.domain !== "") writer.string(7, node.domain);
}

function writeAttribute(writer: ProtobufWriter, name: string, value: OnnxAttribute): void {
  writer.string(1, name);
  if (typeof value === "number") writer.varint(3, value).varint(20, ATTRIBUTE_TYPE.int);
  else if (typeof value === "string") writer.string(4, value).varint(20, ATTRIBUTE_TYPE.string);
  else if ("float" in value) writer.float(2, value.float).varint(20, ATTRIBUTE_TYPE.float);
  else {
    for (const each of value) writer.varint(8, each);
    writer.varint(20, ATTRIBUTE_TYPE.ints);
  }
}

function writeInitializer(writer: ProtobufWriter, { name, dtype, shape, values }: OnnxInitializer): void {
  writer.packedVarints(1, shape).varint(2, onnxDataTypes[dtype]).string(8, name);
  if ("bytes" in values) {
    writer.bytes(9, values.bytes);
    return;
  }
  const external =
    "external" in values
      ? values.external
      : { location: values.location, offset: String(values.offset), length: String(values.length) };
  for (const [key, value] of Object.entries(external))
    writer.message(13, (entry) => entry.string(1, key).string(2, value));
  writer.varint(14, EXTERNAL);
}

function writeValue(writer: ProtobufWriter, value: OnnxValue | OnnxSequence): void {
  if ("sequence" in value) {
    writer
      .string(1, value.name)
      .message(2, (type) =>
        type.message(4, (sequence) =>
          sequence.message(1, (element) => element.message(1, (tensor) => tensor.varint(1, onnxDataTypes.float32))),
        ),
      );
    return;
  }
  const { name, dtype, shape } = value;
  writer.string(1, name).message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.varint(1, onnxDataTypes[dtype]).message(2, (dims) => {
        for (const dim of shape)
          dims.message(1, (each) => (typeof dim === "number" ? each.varint(1, dim) : each.string(2, dim)));
      });
    }),
  );
}
