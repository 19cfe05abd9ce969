/**
 * @file Requests of OTLP's traces, in JSON and in protobuf, read without OpenTelemetry's own code.
 * @see https://github.com/open-telemetry/opentelemetry-proto (trace.proto and common.proto of 1.9)
 */

export type Value = string | number | boolean;
export type Attributes = Readonly<Record<string, Value>>;

export type ReceivedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of a trace. */
  readonly parentId: string;
  readonly traceState: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  /** Milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 0 unset, 1 ok, 2 error. */
  readonly status: { readonly code: number; readonly message: string };
  readonly resource: Attributes;
};

type JsonValue = { stringValue?: string; boolValue?: boolean; intValue?: string | number; doubleValue?: number };
type JsonAttributes = readonly { readonly key: string; readonly value: JsonValue }[];
type JsonSpan = {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  traceState?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: JsonAttributes;
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number; message?: string };
};
type JsonRequest = {
  resourceSpans: { resource: { attributes: JsonAttributes }; scopeSpans: { spans: JsonSpan[] }[] }[];
};

const milliseconds = (nanoseconds: bigint) => Number(nanoseconds) / 1e6;

export function spansOfJson(text: string): ReceivedSpan[] {
  const valueOf = ({ stringValue, boolValue, intValue, doubleValue }: JsonValue): Value =>
    stringValue ?? boolValue ?? doubleValue ?? Number(intValue);
  const attributesOf = (list: JsonAttributes = []): Attributes =>
    Object.fromEntries(list.map(({ key, value }) => [key, valueOf(value)]));
  const { resourceSpans } = JSON.parse(text) as JsonRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ parentSpanId = "", traceState = "", links = [], status = {}, ...span }) => ({
        ...span,
        parentId: parentSpanId,
        traceState,
        links,
        start: milliseconds(BigInt(span.startTimeUnixNano)),
        end: milliseconds(BigInt(span.endTimeUnixNano)),
        attributes: attributesOf(span.attributes),
        status: { code: status.code ?? 0, message: status.message ?? "" },
        resource: attributesOf(resource.attributes),
      })),
  );
}

/** Fields of a protobuf message, by number: numbers as they are, and the bytes of what has a length. */
type Fields = { readonly numbers: Map<number, bigint>; readonly bytes: Map<number, Uint8Array[]> };

function fieldsOf(message: Uint8Array): Fields {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const fields: Fields = { numbers: new Map(), bytes: new Map() };
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const [number, type] = [tag >> 3, tag & 7];
    if (type === 0) fields.numbers.set(number, varint());
    else if (type === 1) fields.numbers.set(number, view.getBigUint64((at += 8) - 8, true));
    else if (type === 5) fields.numbers.set(number, BigInt(view.getUint32((at += 4) - 4, true)));
    else if (type === 2) {
      const length = Number(varint());
      fields.bytes.set(number, [...(fields.bytes.get(number) ?? []), message.subarray(at, (at += length))]);
    } else throw new Error(`protobuf: expected a field of type 0, 1, 2 or 5, got ${type}`);
  }
  return fields;
}

const all = (fields: Fields, number: number) => fields.bytes.get(number) ?? [];
const first = (fields: Fields, number: number) => all(fields, number)[0] ?? new Uint8Array();
const textIn = (fields: Fields, number: number) => new TextDecoder().decode(first(fields, number));
const hexIn = (fields: Fields, number: number) => Buffer.from(first(fields, number)).toString("hex");
const numberIn = (fields: Fields, number: number) => fields.numbers.get(number) ?? 0n;

function attributesIn(fields: Fields, number: number): Attributes {
  const entries = all(fields, number).map((entry): [string, Value] => {
    const keyValue = fieldsOf(entry);
    const value = fieldsOf(first(keyValue, 2));
    const double = value.numbers.get(4);
    if (value.bytes.has(1)) return [textIn(keyValue, 1), textIn(value, 1)];
    if (value.numbers.has(2)) return [textIn(keyValue, 1), value.numbers.get(2) === 1n];
    if (double === undefined) return [textIn(keyValue, 1), Number(BigInt.asIntN(64, numberIn(value, 3)))];
    return [textIn(keyValue, 1), new Float64Array(BigUint64Array.of(double).buffer)[0]!];
  });
  return Object.fromEntries(entries);
}

export function spansOfProtobuf(message: Uint8Array): ReceivedSpan[] {
  return all(fieldsOf(message), 1).flatMap((each) => {
    const resourceSpans = fieldsOf(each);
    const resource = attributesIn(fieldsOf(first(resourceSpans, 1)), 1);
    return all(resourceSpans, 2)
      .flatMap((scopeSpans) => all(fieldsOf(scopeSpans), 2))
      .map((span) => ({ ...spanOf(fieldsOf(span)), resource }));
  });
}

function spanOf(span: Fields): Omit<ReceivedSpan, "resource"> {
  const status = fieldsOf(first(span, 15));
  return {
    traceId: hexIn(span, 1),
    spanId: hexIn(span, 2),
    traceState: textIn(span, 3),
    parentId: hexIn(span, 4),
    name: textIn(span, 5),
    kind: Number(numberIn(span, 6)),
    start: milliseconds(numberIn(span, 7)),
    end: milliseconds(numberIn(span, 8)),
    attributes: attributesIn(span, 9),
    links: all(span, 13).map((link) => {
      const fields = fieldsOf(link);
      return { traceId: hexIn(fields, 1), spanId: hexIn(fields, 2) };
    }),
    status: { code: Number(numberIn(status, 3)), message: textIn(status, 2) },
  };
}
