/** @file What routes know of the server: its settings, its state, and the model it serves once that is ready. */
import type { ServeSettings } from "../config/settings.ts";
import type { Embedder } from "../embedding/embedder.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { HttpProblem } from "./httpProblem.ts";

/** Where a start stands, for `/health` and the log. */
export type ServingPhase = "resolving model" | "starting stages" | "ready" | "stopping";

export type ServedModel = {
  readonly name: string;
  /** Hub id, or folder, as it was given. */
  readonly id: string;
  readonly revision: string | null;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly dtype: "float32";
  readonly embedder: Embedder;
  /** Whether a pipeline can take work now. */
  readonly isUp: () => boolean;
  readonly missingStage: () => number | null;
};

export type Serving = {
  readonly settings: ServeSettings;
  readonly version: string;
  readonly metrics: Metrics;
  phase: ServingPhase;
  /** Why the start does not go on, if it does not. */
  problem: string | null;
  model: ServedModel | null;
};

/** Whether requests can be served: loaded, and a pipeline up. */
export function isReady({ phase, model }: Serving): boolean {
  return phase === "ready" && model !== null && model.isUp();
}

/** The model, once the server has got that far; later a lost stage is waited for, not refused. @throws HttpProblem */
export function servedModel(serving: Serving): ServedModel {
  const { model, phase, problem } = serving;
  if (model !== null && (phase === "ready" || phase === "stopping")) return model;
  throw new HttpProblem("not_ready", problem ?? `the server is starting: ${phase}`, {
    headers: { "retry-after": "1" },
  });
}
