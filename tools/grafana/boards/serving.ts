/** @file Requests: how many, how many fail, how long they take and where the time goes, how full the server is. */
import type { BoardSpec } from "../board.ts";
import { inference, mean, of, quantile, quantiles, rate, share, stagesUp } from "./queries.ts";

const SECONDS = "stagecoach_http_request_duration_seconds";
const REQUESTS = "stagecoach_http_requests_total";
const parts = ["tokenization", "queue", "inference"] as const;

export const serving: BoardSpec = {
  uid: "stagecoach-serving",
  title: "Stagecoach: serving",
  description: "Are requests answered, how fast, and how much more could be taken?",
  variables: ["model"],
  rows: [
    {
      title: "Is it all right?",
      panels: [
        {
          kind: "stat",
          title: "Firing alerts",
          description: "0 is good. docs/MONITORING.md has a paragraph for each alert.",
          unit: "none",
          width: 4,
          limits: { orange: 1, red: 1 },
          queries: [
            {
              expr: 'count(ALERTS{alertname=~"Stagecoach.*",alertstate="firing"}) or vector(0)',
              legend: "alerts",
            },
          ],
        },
        {
          kind: "stat",
          title: "Stages up",
          description: "All of them is good. A stage that is down takes its replica out: see the pipeline.",
          unit: "percentunit",
          width: 4,
          limits: { orange: 1, red: 0.99 },
          more: "stagecoach-pipeline",
          queries: [{ expr: stagesUp, legend: "up" }],
        },
        {
          kind: "stat",
          title: "Server errors",
          description: "Share of requests that got a 5xx. Above 1 % look at the errors by route, and into the log.",
          unit: "percentunit",
          width: 4,
          limits: { orange: 0.01, red: 0.05 },
          queries: [
            {
              expr: share(
                `sum(${rate(REQUESTS, `${of.instance},status=~"5..|424"`)})`,
                `sum(${rate(REQUESTS, of.instance)})`,
              ),
              legend: "errors",
            },
          ],
        },
        {
          kind: "stat",
          title: "p99 latency",
          description:
            "99 of 100 requests took no longer. Where it is high, see below which part of a request has grown.",
          unit: "s",
          width: 4,
          limits: { orange: 1, red: 2 },
          queries: [{ expr: quantile(0.99, SECONDS, inference), legend: "p99" }],
        },
        {
          kind: "stat",
          title: "Places taken",
          description: "Requests at work, of those that may be. At 100 % further ones get 429: add replicas.",
          unit: "percentunit",
          width: 4,
          limits: { orange: 0.7, red: 0.95 },
          queries: [
            {
              expr: `sum(stagecoach_http_requests_in_progress{${of.instance}}) / sum(stagecoach_http_requests_limit{${of.instance}})`,
              legend: "taken",
            },
          ],
        },
        {
          kind: "stat",
          title: "Queue taken",
          description: "Waiting tokens, of those that may wait for one model. At 100 % its requests get 429.",
          unit: "percentunit",
          width: 4,
          limits: { orange: 0.1, red: 0.5 },
          queries: [
            {
              expr: `sum(stagecoach_queue_tokens{${of.instance}}) / sum(stagecoach_queue_tokens_limit{${of.instance}})`,
              legend: "taken",
            },
          ],
        },
      ],
    },
    {
      title: "Traffic",
      panels: [
        {
          title: "Requests by route",
          description: "Requests a second. A fall to nothing means that clients do not get here.",
          unit: "reqps",
          width: 8,
          queries: [{ expr: `sum by (route) (${rate(REQUESTS, of.instance)})`, legend: "{{route}}" }],
        },
        {
          title: "Errors by route and status",
          description: "4xx are the clients' (429: too much work; 499: the client left), 5xx are the server's.",
          unit: "reqps",
          width: 8,
          queries: [
            {
              expr: `sum by (route, status) (${rate(REQUESTS, `${of.instance},status=~"[45].."`)})`,
              legend: "{{status}} {{route}}",
            },
          ],
        },
        {
          title: "Tokens",
          description: "Tokens embedded a second: what the server achieves, whatever the length of texts.",
          unit: "short",
          width: 8,
          queries: [{ expr: `sum by (model) (${rate("stagecoach_tokens_total", of.model)})`, legend: "{{model}}" }],
        },
      ],
    },
    {
      title: "Latency",
      panels: [
        {
          title: "Latency",
          description: "From a request's head to the last byte of its answer, of requests that compute something.",
          unit: "s",
          width: 8,
          limits: { orange: 1, red: 2 },
          queries: quantiles(SECONDS, inference),
        },
        {
          kind: "heatmap",
          title: "Latency, all requests",
          description: "How many requests took how long. Two bands are two kinds of requests, short and long ones.",
          unit: "s",
          width: 8,
          queries: [{ expr: `sum by (le) (${rate(`${SECONDS}_bucket`, inference)})`, legend: "{{le}}" }],
        },
        {
          title: "Where the time goes",
          description:
            "Mean of a request. A queue that grows asks for replicas; inference that grows, for a look at the pipeline.",
          unit: "s",
          width: 8,
          isStacked: true,
          more: "stagecoach-pipeline",
          queries: parts.map((part) => ({ expr: mean(`stagecoach_request_${part}_seconds`, of.model), legend: part })),
        },
        {
          title: "p99 of each part",
          description: "Tokenization that is slow means that the gateway's CPU is full: see the machine.",
          unit: "s",
          width: 12,
          more: "stagecoach-machine",
          queries: parts.map((part) => ({
            expr: quantile(0.99, `stagecoach_request_${part}_seconds`, of.model),
            legend: part,
          })),
        },
        {
          title: "Tokens of a request",
          description: "What clients send. Latency that grows together with it is no fault of the server.",
          unit: "short",
          width: 12,
          queries: quantiles("stagecoach_request_tokens", of.model),
        },
      ],
    },
    {
      title: "Batches",
      panels: [
        {
          title: "Tokens of a micro-batch",
          description: "Near --max-batch-tokens under load is good; far below it while requests wait is not.",
          unit: "short",
          width: 8,
          queries: quantiles("stagecoach_micro_batch_tokens", of.model),
        },
        {
          title: "Texts of a micro-batch",
          description: "How many texts are computed together.",
          unit: "short",
          width: 8,
          queries: quantiles("stagecoach_micro_batch_texts", of.model),
        },
        {
          title: "Padding",
          description: "Share of what attention sees that is no text. Below 20 % is good: it is lost there only.",
          unit: "percentunit",
          width: 8,
          limits: { orange: 0.2, red: 0.4 },
          queries: [
            {
              expr: `1 - ${share(
                `sum by (model) (${rate("stagecoach_tokens_total", of.model)})`,
                `sum by (model) (${rate("stagecoach_attention_tokens_total", of.model)})`,
              )}`,
              legend: "{{model}}",
            },
          ],
        },
      ],
    },
    {
      title: "Saturation",
      panels: [
        {
          title: "Requests at work",
          description: "Beyond the limit (--max-concurrent-requests) requests get 429.",
          unit: "short",
          width: 8,
          queries: [
            { expr: `sum(stagecoach_http_requests_in_progress{${of.instance}})`, legend: "at work" },
            { expr: `sum(stagecoach_http_requests_limit{${of.instance}})`, legend: "limit" },
          ],
        },
        {
          title: "Waiting tokens",
          description: "A level that is steady is fine; one that grows means that more comes than can be done.",
          unit: "short",
          width: 8,
          queries: [{ expr: `sum(stagecoach_queue_tokens{${of.instance}})`, legend: "tokens" }],
        },
        {
          title: "Inputs cut to the model's length",
          description: "Inputs a second whose end the model does not see. Cut texts before, or take a longer model.",
          unit: "short",
          width: 8,
          queries: [
            { expr: `sum by (model) (${rate("stagecoach_truncated_inputs_total", of.model)})`, legend: "{{model}}" },
          ],
        },
      ],
    },
  ],
};
