/** @file What routes know of the server: its settings, its state, and the model it serves once that is ready. */
import type { ServeSettings } from "../config/settings.ts";
import type { Embedder } from "../embedding/embedder.ts";
import type { Scorer } from "../embedding/scorer.ts";
import type { LazyJobs } from "../jobs/lazyJobs.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ModelHost } from "../models/modelHost.ts";
import type { Topology } from "../topology/topology.ts";
import type { ProcessTracer } from "@stagecoach/parallel/node";
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
  /** What the model says besides giving vectors; null for one without a task. */
  readonly scorer: Scorer | null;
  /** Whether a pipeline can take work now. */
  readonly isUp: () => boolean;
};

export type Serving = {
  readonly settings: ServeSettings;
  readonly version: string;
  readonly metrics: Metrics;
  /** There where requests may be recorded. */
  readonly tracer?: ProcessTracer | undefined;
  phase: ServingPhase;
  /** Why the start does not go on, if it does not. */
  problem: string | null;
  /** What there is to see of the pipelines. */
  readonly topology: Topology;
  model: ServedModel | null;
  /** Models besides that one. */
  host: ModelHost | null;
  /** Files and fine-tuning; their routes are there if this is. */
  readonly jobs?: LazyJobs;
};

/** Whether requests can be served: loaded, and a pipeline up. */
export function isReady({ phase, model }: Serving): boolean {
  return phase === "ready" && model !== null && model.isUp();
}

/** The model, once the server has got that far; later a lost stage is waited for, not refused. @throws HttpProblem */
export function servedModel(serving: Serving): ServedModel {
  const { model, phase } = serving;
  if (model !== null && (phase === "ready" || phase === "stopping")) return model;
  throw notReady(serving, "the server is starting");
}

/**
 * The model of a name, the server's own when there is none.
 * @throws HttpProblem `unknown_model`, `not_ready`; StageUnavailableError when it cannot be loaded before the request's deadline
 */
export async function modelNamed(serving: Serving, name: string | undefined): Promise<ServedModel> {
  const own = servedModel(serving);
  if (name === undefined || name === own.name) return own;
  const other = (await serving.host?.find(name)) ?? null;
  if (other !== null) return other;
  throw new HttpProblem("unknown_model", `The model \`${name}\` does not exist; this server serves \`${own.name}\``, {
    field: "model",
  });
}

/** 503 with what there is to know: the problem that stops the start, or the stage that is missing, or the phase. */
export function notReady({ phase, problem, topology }: Serving, what: string): HttpProblem {
  const stage = topology.fleet?.pipeline.missingStage ?? null;
  const why = problem ?? (stage === null || phase === "stopping" ? phase : `stage ${stage} is missing`);
  return new HttpProblem("not_ready", `${what}: ${why}`, { headers: { "retry-after": "1" } });
}
