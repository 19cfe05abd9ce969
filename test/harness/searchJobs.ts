/** @file Jobs of a real server that search hyper-parameters: made, watched and compared. */
import type OpenAI from "openai";
import type { Trial } from "../../apps/server/src/jobs/searchSchema.ts";
import type { TestServer } from "./startServer.ts";

/** Learns the toy texts in seconds; each trial has 24 steps, of which an evaluation follows each eighth. */
export const toySearch = { space: { learning_rate: [1e-5, 2e-3, 5e-4] }, parallel: 2 };
const learning = { n_epochs: 3, batch_size: 8, micro_batches: 1, max_steps: 24, validation_split: 0.25 };

/** @returns the job's id */
export async function createSearch(
  client: OpenAI,
  { model, file }: { readonly model: string; readonly file: string },
  { search = toySearch, ...given }: { readonly search?: object; readonly hyperparameters?: object } = {},
): Promise<string> {
  const hyperparameters = { ...learning, ...given.hyperparameters };
  const supervised = { hyperparameters, stages: 1, search } as OpenAI.FineTuning.SupervisedMethod;
  const request = { model, training_file: file, method: { type: "supervised" as const, supervised } };
  return (await client.fineTuning.jobs.create(request)).id;
}

export async function trialsOf(server: Pick<TestServer, "get">, id: string): Promise<Trial[]> {
  const response = await server.get(`/v1/fine_tuning/jobs/${id}/trials`);
  return ((await response.json()) as { data: Trial[] }).data;
}

/** The times at which runs were at work differ from search to search, and nothing else. */
export const withoutTimes = (trials: readonly Trial[]): object[] =>
  trials.map((trial) => ({ ...trial, runs: trial.runs.map(({ intervals: _, ...rest }) => rest) }));
