/**
 * @file Every metric of the server but those of jobs (jobMetrics.ts), and of its machine (gatewayMetrics.ts). Nothing outside of this folder imports prom-client.
 *
 * Prefix `stagecoach_`, base units, low-cardinality labels. All series that can be known are there from the first scrape, so
 * that a dashboard or an alert never asks for what does not exist yet.
 */
import type { MicroBatchReport, Place, WorkerCounters } from "@stagecoach/parallel";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Timings } from "../embedding/submitTokenized.ts";
import type { RunEnd, RunnerEvent } from "../jobs/jobRunner.ts";
import { addGatewayMetrics, type GatewayLimits } from "./gatewayMetrics.ts";
import { JobMetrics, type JobLevels } from "./jobMetrics.ts";

/** From 1 ms to 10 s and a little beyond, in steps of about a factor of two. */
const SECONDS_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const TOKEN_BUCKETS = [8, 16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096, 8192];
const TEXT_BUCKETS = [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 128, 256];
const RATIO_BUCKETS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8];

const unreadable = { route: "unreadable", method: "unknown" };

/** What waits for a place in the pipeline. */
export type QueueLevels = { readonly texts: number; readonly tokens: number };

export type MetricsScope = {
  readonly version: string;
  readonly numStages: number;
  readonly numReplicas: number;
};

/** What requests are counted as, and the statuses that have a series before the first of them. */
export type CountedRoute = {
  /** Template of the path, never the path. */
  readonly path: string;
  readonly method: string;
  readonly statuses: readonly number[];
};

export class Metrics {
  readonly #registry = new Registry();
  readonly #numReplicas: number;
  readonly workerRestarts: Counter<"replica" | "stage">;
  readonly stageUp: Gauge<"replica" | "stage">;
  readonly replicaUp: Gauge<"replica">;
  readonly #requestsInProgress: Gauge;
  readonly #modelInfo: Gauge<"model" | "engine" | "pooling" | "dtype">;
  readonly #httpRequests: Counter<"route" | "method" | "status">;
  readonly #httpSeconds: Histogram<"route" | "method">;
  readonly #tokenizationSeconds: Histogram<"model">;
  readonly #queueSeconds: Histogram<"model">;
  readonly #inferenceSeconds: Histogram<"model">;
  readonly #requestTokens: Histogram<"model">;
  readonly #truncatedInputs: Counter<"model">;
  readonly #batchTexts: Histogram<"model">;
  readonly #batchTokens: Histogram<"model">;
  readonly #batchPadding: Histogram<"model">;
  readonly #tokens: Counter<"model">;
  readonly #paddedTokens: Counter<"model">;
  readonly #microBatchSeconds: Histogram<"model" | "replica">;
  readonly #stageCounters: Readonly<Record<keyof Omit<WorkerCounters, "residentBytes">, Counter<"replica" | "stage">>>;
  readonly #workerMemory: Gauge<"replica" | "stage">;
  readonly #loadedModels: Gauge;
  readonly #loadedModelBytes: Gauge;
  #jobs: JobMetrics | null = null;
  /** Inference requests at work. */
  #requests = 0;
  readonly #queues: (() => QueueLevels)[] = [];

  constructor({ version, numStages, numReplicas }: MetricsScope) {
    this.#numReplicas = numReplicas;
    const registers = [this.#registry];
    const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
      new Counter({ name: `stagecoach_${name}`, help, labelNames, registers });
    const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
      new Gauge({ name: `stagecoach_${name}`, help, labelNames, registers });
    const histogram = <L extends string>(
      name: string,
      help: string,
      { buckets, labelNames }: { buckets: number[]; labelNames: L[] },
    ) => new Histogram({ name: `stagecoach_${name}`, help, labelNames, buckets, registers });
    const byModel = (buckets: number[]) => ({ buckets, labelNames: ["model" as const] });

    collectDefaultMetrics({ register: this.#registry });
    // Gauges that are named like counters, which promtool refuses; each is the sum of another one over its label.
    for (const what of ["handles", "requests", "resources"])
      this.#registry.removeSingleMetric(`nodejs_active_${what}_total`);
    gauge("build_info", "1, with the release as a label", "version").set({ version }, 1);
    this.#modelInfo = gauge(
      "model_info",
      "1, with facts of the served model as labels",
      "model",
      "engine",
      "pooling",
      "dtype",
    );
    this.#httpRequests = counter(
      "http_requests_total",
      "HTTP requests by route, method and status",
      "route",
      "method",
      "status",
    );
    this.#httpSeconds = histogram(
      "http_request_duration_seconds",
      "Time from the request's head to the last byte of the answer",
      {
        buckets: SECONDS_BUCKETS,
        labelNames: ["route", "method"],
      },
    );
    this.#loadedModels = gauge("loaded_models", "Models that are loaded besides the server's own");
    this.#loadedModelBytes = gauge("loaded_models_bytes", "Weights of these models");
    this.#requestsInProgress = gauge("http_requests_in_progress", "Inference requests at work");
    this.#tokenizationSeconds = histogram(
      "request_tokenization_seconds",
      "Tokenization of a request",
      byModel(SECONDS_BUCKETS),
    );
    this.#queueSeconds = histogram(
      "request_queue_seconds",
      "Wait for a place in the pipeline, mean over a request's inputs",
      byModel(SECONDS_BUCKETS),
    );
    this.#inferenceSeconds = histogram(
      "request_inference_seconds",
      "Time in the pipeline, mean over a request's inputs",
      byModel(SECONDS_BUCKETS),
    );
    this.#requestTokens = histogram(
      "request_tokens",
      "Tokens of a request, special tokens included",
      byModel(TOKEN_BUCKETS),
    );
    this.#truncatedInputs = counter("truncated_inputs_total", "Inputs that were cut to the model's length", "model");
    this.#batchTexts = histogram("micro_batch_texts", "Texts of a micro-batch", byModel(TEXT_BUCKETS));
    this.#batchTokens = histogram("micro_batch_tokens", "Tokens of a micro-batch", byModel(TOKEN_BUCKETS));
    this.#batchPadding = histogram(
      "micro_batch_padding_ratio",
      "Share of padding in what attention sees of a micro-batch",
      byModel(RATIO_BUCKETS),
    );
    this.#tokens = counter("tokens_total", "Tokens embedded", "model");
    this.#paddedTokens = counter("attention_tokens_total", "Tokens that attention saw, padding included", "model");
    this.#microBatchSeconds = histogram("micro_batch_seconds", "Time of a micro-batch in the pipeline", {
      buckets: SECONDS_BUCKETS,
      labelNames: ["model", "replica"],
    });
    this.#stageCounters = {
      microBatches: counter("stage_micro_batches_total", "Micro-batches that a stage has done", "replica", "stage"),
      tokens: counter("stage_tokens_total", "Tokens that a stage has worked on", "replica", "stage"),
      busySeconds: counter(
        "stage_busy_seconds_total",
        "Time that a stage's engine has computed, in one lane or several",
        "replica",
        "stage",
      ),
      waitingSeconds: counter(
        "stage_waiting_seconds_total",
        "Time that a stage has waited for input",
        "replica",
        "stage",
      ),
      sendingSeconds: counter(
        "stage_sending_seconds_total",
        "Time that a stage's results have waited to be taken",
        "replica",
        "stage",
      ),
      bytesSent: counter("link_sent_bytes_total", "Bytes that a stage has sent on its data links", "replica", "stage"),
      bytesReceived: counter(
        "link_received_bytes_total",
        "Bytes that a stage has received on its data links",
        "replica",
        "stage",
      ),
    };
    this.#watch("queue_texts", "Texts that wait for a place in the pipeline", () => this.#queued("texts"));
    this.#watch("queue_tokens", "Tokens that wait for a place in the pipeline", () => this.#queued("tokens"));
    this.#workerMemory = gauge(
      "worker_resident_memory_bytes",
      "Resident memory of a stage's process",
      "replica",
      "stage",
    );
    this.workerRestarts = counter(
      "worker_restarts_total",
      "Worker processes started anew after they ended unasked",
      "replica",
      "stage",
    );
    this.stageUp = gauge("stage_up", "Whether a stage has a worker", "replica", "stage");
    this.replicaUp = gauge("replica_up", "Whether a pipeline can take work", "replica");
    this.#prepare(numStages, numReplicas);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Inference requests at work, and what waits for a place in the pipeline, now. */
  levels(): { readonly requests: number; readonly queue: QueueLevels } {
    return { requests: this.#requests, queue: { texts: this.#queued("texts"), tokens: this.#queued("tokens") } };
  }

  /** @param requests - inference requests at work from now on */
  observeRequests(requests: number): void {
    this.#requests = requests;
    this.#requestsInProgress.set(requests);
  }

  /** Fine-tuned models that are loaded. */
  observeModels({ models, bytes }: { readonly models: number; readonly bytes: number }): void {
    this.#loadedModels.set(models);
    this.#loadedModelBytes.set(bytes);
  }

  /** The limits that were set, and the machine. */
  watchGateway(limits: GatewayLimits): void {
    addGatewayMetrics(this.#registry, limits);
  }

  /** Where levels of a queue are read from; what is shown is the sum of all that are watched. */
  watchQueue(read: () => QueueLevels): void {
    this.#queues.push(read);
  }

  /** Metrics of files and jobs, for servers that have them; the levels are asked for at each scrape. */
  watchJobs(read: () => Promise<JobLevels>): void {
    this.#jobs = new JobMetrics(this.#registry, read);
  }

  /** What a running job has told. */
  observeJob(job: string, event: RunnerEvent): void {
    this.#jobs?.observe(job, event);
  }

  observeJobStart(job: string): void {
    this.#jobs?.start(job);
  }

  /** A job that runs no longer has no numbers. */
  async observeJobEnd(job: string, end: RunEnd): Promise<void> {
    await this.#jobs?.end(job, end);
  }

  /** Series of the model, all at zero. */
  prepareModel(facts: {
    readonly model: string;
    readonly engine: string;
    readonly pooling: string;
    readonly dtype: string;
  }): void {
    const { model } = facts;
    const { counters, histograms } = this.#byModel();
    this.#modelInfo.set(facts, 1);
    for (const each of counters) each.inc({ model }, 0);
    for (const each of histograms) each.zero({ model });
    for (let replica = 0; replica < this.#numReplicas; replica++)
      this.#microBatchSeconds.zero({ model, replica: String(replica) });
  }

  /** A model that is not loaded any more has no series. */
  forgetModel(model: string): void {
    const { counters, histograms } = this.#byModel();
    for (const each of [...counters, ...histograms]) each.remove({ model });
    for (let replica = 0; replica < this.#numReplicas; replica++)
      this.#microBatchSeconds.remove({ model, replica: String(replica) });
  }

  /** Series of the routes, all at zero. */
  prepareRoutes(routes: readonly CountedRoute[]): void {
    for (const { path: route, method, statuses } of routes) {
      for (const status of statuses) this.#httpRequests.inc({ route, method, status: String(status) }, 0);
      this.#httpSeconds.zero({ route, method });
    }
    for (const status of [400, 408, 431]) this.#httpRequests.inc({ ...unreadable, status: String(status) }, 0);
  }

  /** A request that HTTP itself could not read has neither a route nor a method, nor a time at which it began. */
  countUnreadable(status: number): void {
    this.#httpRequests.inc({ ...unreadable, status: String(status) });
  }

  observeHttp({
    route,
    method,
    status,
    seconds,
  }: {
    readonly route: string;
    readonly method: string;
    readonly status: number;
    readonly seconds: number;
  }): void {
    this.#httpRequests.inc({ route, method, status: String(status) });
    this.#httpSeconds.observe({ route, method }, seconds);
  }

  observeRequest({
    model,
    numTokens,
    numTruncated,
    timings,
  }: {
    readonly model: string;
    readonly numTokens: number;
    readonly numTruncated: number;
    readonly timings: Timings;
  }): void {
    this.#tokenizationSeconds.observe({ model }, timings.tokenizationMs / 1000);
    this.#queueSeconds.observe({ model }, timings.queueMs / 1000);
    this.#inferenceSeconds.observe({ model }, timings.inferenceMs / 1000);
    this.#requestTokens.observe({ model }, numTokens);
    this.#truncatedInputs.inc({ model }, numTruncated);
  }

  observeMicroBatch(model: string, { texts, tokens, paddedTokens, inferenceMs, result }: MicroBatchReport): void {
    this.#batchTexts.observe({ model }, texts);
    this.#batchTokens.observe({ model }, tokens);
    this.#batchPadding.observe({ model }, 1 - tokens / paddedTokens);
    this.#tokens.inc({ model }, tokens);
    this.#paddedTokens.inc({ model }, paddedTokens);
    this.#microBatchSeconds.observe({ model, replica: String(result.replica) }, inferenceMs / 1000);
  }

  observeWorker({ replica, stage }: Place, growth: WorkerCounters): void {
    const labels = { replica: String(replica), stage: String(stage) };
    const { residentBytes, ...counters } = growth;
    for (const [name, value] of Object.entries(counters))
      this.#stageCounters[name as keyof typeof counters].inc(labels, value);
    this.#workerMemory.set(labels, residentBytes);
  }

  /** What has a series for each model that is asked something. */
  #byModel() {
    return {
      counters: [this.#truncatedInputs, this.#tokens, this.#paddedTokens],
      histograms: [
        this.#tokenizationSeconds,
        this.#queueSeconds,
        this.#inferenceSeconds,
        this.#requestTokens,
        this.#batchTexts,
        this.#batchTokens,
        this.#batchPadding,
      ],
    };
  }

  #queued(what: keyof QueueLevels): number {
    return this.#queues.reduce((total, read) => total + read()[what], 0);
  }

  /** A level that is read when somebody asks. */
  #watch(name: string, help: string, read: () => number | Promise<number>): Gauge {
    return new Gauge({
      name: `stagecoach_${name}`,
      help,
      registers: [this.#registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  #prepare(numStages: number, numReplicas: number): void {
    for (let replica = 0; replica < numReplicas; replica++) {
      this.replicaUp.set({ replica: String(replica) }, 0);
      for (let stage = 0; stage < numStages; stage++) {
        const labels = { replica: String(replica), stage: String(stage) };
        for (const each of [...Object.values(this.#stageCounters), this.workerRestarts]) each.inc(labels, 0);
        this.stageUp.set(labels, 0);
        this.#workerMemory.set(labels, 0);
      }
    }
  }
}
