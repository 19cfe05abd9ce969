/** @file What the embedding routes do alike: limits, the work itself, headers and metrics. */
import type { RequestTrace } from "@stagecoach/parallel";
import type { Response } from "express";
import type { TextInput } from "../embedding/embedder.ts";
import { EmptyInputError, InvalidInputError } from "../embedding/errors.ts";
import type { Timings } from "../embedding/submitTokenized.ts";
import { servedModel, type ServedModel, type Serving } from "./serving.ts";
import { setCostHeaders } from "./timingHeaders.ts";
import { traceOf } from "./traceRequests.ts";

export type CommonOptions = {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly inputField: string;
  readonly trace: RequestTrace | undefined;
};

export type Outcome = { readonly numTokens: number; readonly numTruncated: number; readonly timings: Timings };

type InputsRequest = {
  /** The server's own when left out. */
  readonly model?: ServedModel;
  readonly inputs: readonly TextInput[];
  /** What this route calls the inputs. */
  readonly inputField: string;
  readonly response: Response;
  readonly signal: AbortSignal;
};

/**
 * Check the inputs, do the work, tell the client and the metrics what it cost.
 * @param work - is given the model and the options that every request has
 */
export async function serveInputs<T extends Outcome>(
  serving: Serving,
  { model = servedModel(serving), inputs, inputField, response, signal }: InputsRequest,
  work: (model: ServedModel, options: CommonOptions) => Promise<T>,
): Promise<T> {
  expectInputs(inputs, { inputField, maxClientBatchSize: serving.settings.maxClientBatchSize });
  const started = performance.now();
  const timeoutMs = serving.settings.requestTimeout * 1000;
  const outcome = await work(model, { timeoutMs, signal, inputField, trace: traceOf(response) });
  const { numTokens, numTruncated, timings } = outcome;
  const characters = inputs.reduce((total, input) => total + charactersOf(input), 0);
  setCostHeaders(response, { numTokens, numTruncated, characters, timings, totalMs: performance.now() - started });
  serving.metrics.observeRequest({ model: model.name, numTokens, numTruncated, timings });
  return outcome;
}

/** Code points of a text; ids count as one each, as in text-embeddings-inference. */
function charactersOf(input: TextInput): number {
  if (typeof input !== "string") return input.length;
  let count = input.length;
  for (let unit = 1; unit < input.length; unit++) if (input.codePointAt(unit - 1)! > 0xffff) count--;
  return count;
}

type Limits = { readonly inputField: string; readonly maxClientBatchSize: number };

/** At least one input, none of them empty, and no more than one request may have. @throws EmptyInputError, InvalidInputError */
export function expectInputs(inputs: readonly TextInput[], limits: Limits): void {
  expectBatchSize(inputs, limits);
  const empty = inputs.findIndex((input) => input.length === 0);
  if (empty !== -1)
    throw new EmptyInputError(`input ${empty} is empty: expected a text or token ids`, limits.inputField);
}

/** @throws EmptyInputError, InvalidInputError */
export function expectBatchSize(inputs: readonly unknown[], { inputField, maxClientBatchSize }: Limits): void {
  if (inputs.length === 0)
    throw new EmptyInputError(`\`${inputField}\` cannot be empty: give at least one`, inputField);
  if (inputs.length > maxClientBatchSize) {
    throw new InvalidInputError(
      `\`${inputField}\`: batch size ${inputs.length} > maximum allowed batch size ${maxClientBatchSize} (send several requests)`,
      inputField,
    );
  }
}
