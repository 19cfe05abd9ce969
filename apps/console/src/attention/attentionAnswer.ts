/**
 * @file What `/attention` answers, as this page asks for it: float32 of one layer, where numbers are shown, and bytes of many for thumbnails.
 *
 * Dimensions: L tokens, N heads of a layer.
 */
import { call } from "../api/client.ts";

/** A text, or two that the model reads as a pair. */
export type Inputs = string | readonly [string, string];

export type Asked = {
  readonly inputs: Inputs;
  /** The server's own when null. */
  readonly model: string | null;
};

export type AttentionToken = {
  /** As the vocabulary spells it. */
  readonly token: string;
  /** The piece of the text. */
  readonly text: string;
  readonly special: boolean;
  /** 1 in the second text of a pair; null for special tokens. */
  readonly input: number | null;
};

type Answer = {
  readonly tokens: readonly AttentionToken[];
  readonly num_layers: number;
  readonly num_heads: number;
  readonly truncated: boolean;
  readonly layers: readonly { readonly layer: number; readonly probabilities: string }[];
};

export type Reading = {
  readonly tokens: readonly AttentionToken[];
  readonly numLayers: number;
  readonly numHeads: number;
  readonly isTruncated: boolean;
};

/** Bytes of a layer, for pictures. */
export type Thumbnails = { readonly layer: number; readonly matrices: readonly Uint8Array[] };

/** Values of one request for thumbnails: few enough to come soon, so that a large model's grid fills row by row. */
const MAX_VALUES = 2 ** 21;

/** How the model reads the texts, and how large it is. */
export async function readTokens(asked: Asked, signal: AbortSignal): Promise<Reading> {
  const { tokens, num_layers, num_heads, truncated } = await ask(asked, {
    signal,
    body: { layers: [0], heads: [0], encoding: "uint8" },
  });
  return { tokens, numLayers: num_layers, numHeads: num_heads, isTruncated: truncated };
}

/** `[L, L]` of each head of a layer. */
export async function readLayer(asked: Asked, layer: number, signal: AbortSignal): Promise<Float32Array[]> {
  const answer = await ask(asked, { signal, body: { layers: [layer], encoding: "base64" } });
  const bytes = bytesOf(answer.layers[0]!.probabilities);
  return matricesOf(new Float32Array(bytes.buffer), answer.tokens.length);
}

export async function readThumbnails(
  asked: Asked,
  layers: readonly number[],
  signal: AbortSignal,
): Promise<Thumbnails[]> {
  const answer = await ask(asked, { signal, body: { layers, encoding: "uint8" } });
  return answer.layers.map(({ layer, probabilities }) => ({
    layer,
    matrices: matricesOf(bytesOf(probabilities), answer.tokens.length),
  }));
}

/** Layers that are asked for together. */
export function layerGroups({ numLayers, numHeads, tokens }: Omit<Reading, "isTruncated">): number[][] {
  const size = Math.max(1, Math.floor(MAX_VALUES / (numHeads * tokens.length ** 2)));
  return Array.from({ length: Math.ceil(numLayers / size) }, (_, group) =>
    Array.from({ length: Math.min(size, numLayers - group * size) }, (__, index) => group * size + index),
  );
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const characters = atob(base64);
  const bytes = new Uint8Array(characters.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = characters.charCodeAt(index);
  return bytes;
}

/** Views of `[N, L, L]`. */
export function matricesOf<Values extends Float32Array | Uint8Array>(values: Values, length: number): Values[] {
  const size = length * length;
  return Array.from(
    { length: values.length / size },
    (_, head) => values.subarray(head * size, (head + 1) * size) as Values,
  );
}

function ask(
  { inputs, model }: Asked,
  { body, signal }: { readonly body: object; readonly signal: AbortSignal },
): Promise<Answer> {
  const json = { inputs, ...(model === null ? {} : { model }), ...body };
  return call<Answer>("/attention", { json, signal });
}
