/** @file Requests counted and timed by the route that took them: by its template, never by what the client put into the path. */
import type { RequestHandler, Response } from "express";
import type { CountedRoute, Metrics } from "../metrics/metrics.ts";
import { errorStatusesOf, pagePath } from "./openApi.ts";
import type { Route } from "./route.ts";

export type RouteLabels = Pick<CountedRoute, "path" | "method">;

/** The page of the API and its files, the document under both of its names, and the console. */
export const documentationLabels = {
  page: { path: pagePath, method: "GET" },
  console: { path: "/console", method: "GET" },
  document: { path: "/openapi.json", method: "GET" },
} as const satisfies Record<string, RouteLabels>;

/** Requests that no route takes: another path, or another method. */
const UNKNOWN_PATH = "unknown";

/** Counts every request once, when its answer is sent or its client has left. */
export function countRequests(metrics: Metrics): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.on("close", () => {
      const { path: route, method } = labelsOf(response) ?? { path: UNKNOWN_PATH, method: request.method };
      const status = response.writableEnded ? response.statusCode : 499;
      metrics.observeHttp({ route, method, status, seconds: (performance.now() - started) / 1000 });
    });
    next();
  };
}

/** Goes before what answers a route. */
export function countAs(labels: RouteLabels): RequestHandler {
  return (_, response, next) => {
    response.locals["countedAs"] = labels;
    next();
  };
}

export const labelsOf = ({ locals }: Response) => locals["countedAs"] as RouteLabels | undefined;

export const routeLabelsOf = ({ path, method }: Route): RouteLabels => ({ path, method: method.toUpperCase() });

/** What is there before the first request: of each route success, and the two refusals that say that a server is short of something. */
export function countedRoutes(routes: readonly Route[]): CountedRoute[] {
  const refusals = [429, 503];
  return [
    ...routes.map((route) => ({
      ...routeLabelsOf(route),
      statuses: [200, ...errorStatusesOf(route).filter((status) => refusals.includes(status))],
    })),
    ...Object.values(documentationLabels).map((labels) => ({ ...labels, statuses: [200] })),
    { path: UNKNOWN_PATH, method: "GET", statuses: [404] },
  ];
}
