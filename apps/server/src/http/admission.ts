/** @file How many requests may be at work: decided before a body is read, so that overload costs next to nothing. */
import type { RequestHandler } from "express";
import type { Metrics } from "../metrics/metrics.ts";
import { HttpProblem } from "./httpProblem.ts";

/** Refuses with 429 what exceeds the limit. A place is free again when the answer is sent, or the client leaves. */
export function limitConcurrency(maxConcurrentRequests: number, metrics: Metrics): RequestHandler {
  let atWork = 0;
  return (_, response, next) => {
    if (atWork >= maxConcurrentRequests) {
      throw new HttpProblem(
        "overloaded",
        `Model is overloaded: ${maxConcurrentRequests} requests are at work already`,
        { headers: { "retry-after": "1" } },
      );
    }
    metrics.observeRequests(++atWork);
    response.on("close", () => metrics.observeRequests(--atWork));
    next();
  };
}
