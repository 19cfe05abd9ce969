/** @file What the embedding routes do alike: limits, the work itself, headers and metrics. */
import type { Response } from "express";
import type { TextInput, Timings } from "../embedding/embedder.ts";
import { EmptyInputError, InvalidInputError } from "../embedding/errors.ts";
import { servedModel, type ServedModel, type Serving } from "./serving.ts";
import { setCostHeaders } from "./timingHeaders.ts";

export type CommonOptions = { readonly timeoutMs: number; readonly signal: AbortSignal };

export type Outcome = { readonly numTokens: number; readonly numTruncated: number; readonly timings: Timings };

/**
 * Check the inputs, do the work, tell the client and the metrics what it cost.
 * @param work - is given the model and the options that every request has
 */
export async function serveInputs<T extends Outcome>(
  serving: Serving,
  {
    inputs,
    response,
    signal,
  }: { readonly inputs: readonly TextInput[]; readonly response: Response; readonly signal: AbortSignal },
  work: (model: ServedModel, options: CommonOptions) => Promise<T>,
): Promise<T> {
  const model = servedModel(serving);
  expectInputs(inputs, serving.settings.maxClientBatchSize);
  const started = performance.now();
  const outcome = await work(model, { timeoutMs: serving.settings.requestTimeout * 1000, signal });
  const { numTokens, numTruncated, timings } = outcome;
  const characters = inputs.reduce((total, input) => total + (typeof input === "string" ? input.length : 0), 0);
  setCostHeaders(response, { numTokens, numTruncated, characters, timings, totalMs: performance.now() - started });
  serving.metrics.observeRequest({ model: model.name, numTokens, numTruncated, timings });
  return outcome;
}

/** @throws EmptyInputError, InvalidInputError */
export function expectInputs(inputs: readonly TextInput[], maxClientBatchSize: number): void {
  if (inputs.length === 0) throw new EmptyInputError("`inputs` cannot be empty: give at least one text");
  if (inputs.length > maxClientBatchSize) {
    throw new InvalidInputError(
      `batch size ${inputs.length} > maximum allowed batch size ${maxClientBatchSize} (send several requests)`,
      "inputs",
    );
  }
  const empty = inputs.findIndex((input) => input.length === 0);
  if (empty !== -1) throw new EmptyInputError(`input ${empty} is empty: expected a text or token ids`);
}
