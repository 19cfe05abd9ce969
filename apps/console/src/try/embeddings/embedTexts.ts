/** @file Vectors of texts, in as many requests as the server's largest batch makes necessary. */
import { call } from "../../api/client.ts";

export type EmbedInput = {
  readonly texts: readonly string[];
  readonly model: string;
  /** A prompt's name; "" for what the model does unasked. */
  readonly prompt: string;
  /** Values to keep of each vector; null for all. */
  readonly dimensions: number | null;
};

type OpenAiAnswer = { readonly data: readonly { readonly embedding: readonly number[] }[] };

/** More would make a page of pictures that nobody can read, and a matrix of more than a million numbers. */
export const MAX_TEXTS = 1000;

/** OpenAI's route knows no prompts; text-embeddings-inference's does. */
export function embedRequest({ texts, model, prompt, dimensions }: EmbedInput) {
  const kept = dimensions === null ? {} : { dimensions };
  return prompt === ""
    ? { route: "/v1/embeddings", body: { input: texts, model, ...kept } }
    : { route: "/embed", body: { inputs: texts, model, prompt_name: prompt, ...kept } };
}

/** @throws ApiError; RangeError for more texts than the page can show */
export async function embedTexts(input: EmbedInput, signal: AbortSignal): Promise<readonly (readonly number[])[]> {
  const { texts } = input;
  if (texts.length > MAX_TEXTS)
    throw new RangeError(`expected at most ${MAX_TEXTS} texts, got ${texts.length} (take some lines out)`);
  const { max_client_batch_size: most } = await call<{ max_client_batch_size: number }>("/info", { signal });
  const vectors: (readonly number[])[] = [];
  // Also of no text: the server says what it wants.
  for (let from = 0; from === 0 || from < texts.length; from += most) {
    const { route, body } = embedRequest({ ...input, texts: texts.slice(from, from + most) });
    const answer = await call<OpenAiAnswer | readonly (readonly number[])[]>(route, { json: body, signal });
    vectors.push(...("data" in answer ? answer.data.map(({ embedding }) => embedding) : answer));
  }
  return vectors;
}
