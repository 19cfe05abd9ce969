/** @file Routes for those who run the server: what it serves, whether it is well, its metrics. None of them needs a key. */
import { z } from "zod";
import { getRoute, type Route } from "../route.ts";
import { isReady, notReady, servedModel, type Serving } from "../serving.ts";

const infoSchema = z
  .object({
    model_id: z.string(),
    model_sha: z.string().nullable(),
    model_dtype: z.string(),
    served_model_name: z.string(),
    model_type: z.object({
      embedding: z.object({
        pooling: z.string().meta({ description: "cls, mean, max or last_token; several with +" }),
      }),
    }),
    max_concurrent_requests: z.int(),
    max_input_length: z.int(),
    max_batch_tokens: z.int(),
    max_batch_requests: z.int().nullable(),
    max_client_batch_size: z.int(),
    auto_truncate: z.boolean(),
    tokenization_workers: z.int(),
    version: z.string(),
    sha: z.string().nullable(),
    docker_label: z.string().nullable(),
  })
  .meta({ id: "Info" });

const statusSchema = z.object({ status: z.string() }).meta({ id: "Status" });

export function operationRoutes(serving: Serving): Route[] {
  /** Empty 200, or 503 with the reason: what load balancers and orchestrators look at. */
  const health = (path: string, summary: string): Route =>
    getRoute({
      path,
      family: "native",
      summary,
      response: null,
      isInference: false,
      handle({ response }) {
        if (!isReady(serving)) throw notReady(serving, "unhealthy");
        response.status(200).end();
      },
    });
  return [
    getRoute({
      path: "/info",
      family: "native",
      summary: "The model and the limits of this server.",
      response: infoSchema,
      isInference: false,
      handle: () => info(serving),
    }),
    health("/health", "200 when requests can be served, 503 until then."),
    health("/ping", "As /health."),
    health("/", "As /health."),
    health("/readyz", "As /health: whether to send traffic."),
    getRoute({
      path: "/livez",
      family: "native",
      summary: "200 as long as the process answers: whether to restart it.",
      response: statusSchema,
      isInference: false,
      handle: () => ({ status: serving.phase }),
    }),
    getRoute({
      path: "/metrics",
      family: "native",
      summary: "Metrics in Prometheus' text format.",
      response: null,
      isInference: false,
      async handle({ response }) {
        response.type(serving.metrics.contentType).send(await serving.metrics.text());
      },
    }),
  ];
}

function info(serving: Serving): z.output<typeof infoSchema> {
  const { settings } = serving;
  const { name, id, revision, dtype, embedder } = servedModel(serving);
  const pooling = embedder.model.modules.pooling.map((mode) => (mode === "lasttoken" ? "last_token" : mode));
  return {
    model_id: id,
    model_sha: revision,
    model_dtype: dtype,
    served_model_name: name,
    model_type: { embedding: { pooling: pooling.join("+") } },
    max_concurrent_requests: settings.maxConcurrentRequests,
    max_input_length: embedder.maxLength,
    max_batch_tokens: settings.maxBatchTokens,
    max_batch_requests: null,
    max_client_batch_size: settings.maxClientBatchSize,
    auto_truncate: settings.autoTruncate,
    tokenization_workers: 1,
    version: serving.version,
    sha: null,
    docker_label: null,
  };
}
