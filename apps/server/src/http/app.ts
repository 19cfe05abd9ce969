/**
 * @file The HTTP application: routes, limits, keys, errors. It listens to nothing by itself, so that tests can ask it directly.
 */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { limitConcurrency } from "./admission.ts";
import { requireApiKey } from "./auth.ts";
import { serveConsole } from "./console.ts";
import { countAs, countedRoutes, countRequests, documentationLabels, routeLabelsOf } from "./countRequests.ts";
import { errorAnswer, familyOfPath } from "./errorAnswer.ts";
import { HttpProblem, problemOf } from "./httpProblem.ts";
import { documentPaths, pagePath, serveOpenApi } from "./openApi.ts";
import { readJson } from "./readJson.ts";
import { wantsKey, type Route } from "./route.ts";
import { answerRoute } from "./routes/answer.ts";
import { attentionRoute } from "./routes/attention.ts";
import { embedRoutes } from "./routes/embed.ts";
import { fileRoutes } from "./routes/files.ts";
import { fillMaskRoute } from "./routes/fillMask.ts";
import { fineTuningRoutes } from "./routes/fineTuning.ts";
import { modelArchiveRoute } from "./routes/modelArchive.ts";
import { openAiRoutes } from "./routes/openAi.ts";
import { operationRoutes } from "./routes/operations.ts";
import { predictRoutes } from "./routes/predict.ts";
import { tokenizeRoutes } from "./routes/tokenize.ts";
import { topologyRoutes } from "./routes/topology.ts";
import type { Serving } from "./serving.ts";
import { traceFacts, traceRequests } from "./traceRequests.ts";

export function createApp(serving: Serving, log: Logger): Express {
  const { settings, metrics, version, tracer } = serving;
  const routes = [
    ...(serving.jobs === undefined ? [] : [modelArchiveRoute(serving.jobs)]),
    ...openAiRoutes(serving, log),
    ...embedRoutes(serving),
    ...predictRoutes(serving),
    answerRoute(serving),
    fillMaskRoute(serving),
    attentionRoute(serving),
    ...tokenizeRoutes(serving),
    ...operationRoutes(serving),
    ...topologyRoutes(serving),
    ...(serving.jobs === undefined ? [] : [...fileRoutes(serving.jobs), ...fineTuningRoutes(serving, serving.jobs)]),
  ];
  metrics.prepareRoutes(countedRoutes(routes));
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  if (tracer !== undefined) app.use(traceRequests(tracer));
  app.use(identify(log), countRequests(metrics), requireHost);
  app.use((_, response, next) => {
    // A stopping server lets kept connections end with their current answer.
    if (serving.phase === "stopping") response.set("connection", "close");
    next();
  });
  const needsKey = requireApiKey(settings.apiKey);
  const admitted = limitConcurrency(settings.maxConcurrentRequests, metrics);
  const body = readJson(settings.payloadLimit);
  serveConsole(app, log, countAs(documentationLabels.console));
  for (const route of routes) {
    const guards = [...(wantsKey(route) ? [needsKey] : []), ...(route.isInference ? [admitted] : [])];
    app[route.method](
      expressPath(route.path),
      countAs(routeLabelsOf(route)),
      ...guards,
      ...(route.request === undefined ? [] : body),
      route.handler,
    );
  }
  app.get([pagePath, `${pagePath}/assets/*file`], countAs(documentationLabels.page));
  app.get(documentPaths, countAs(documentationLabels.document));
  serveOpenApi(app, routes, version);
  app.use(unknownRoute(routes));
  app.use(answerError(log, routes));
  return app;
}

/** A model's id may hold slashes, other ids not. */
function expressPath(path: string): string {
  return path.replace("{model}", "*model").replaceAll(/\{(\w+)\}/g, ":$1");
}

/** Every answer carries the request's id: the client's own, if it sent one that is fit to print. */
function identify(log: Logger): RequestHandler {
  return (request, response, next) => {
    const given = request.get("x-request-id");
    const id = given !== undefined && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
    response.locals["requestId"] = id;
    response.set("x-request-id", id);
    const started = performance.now();
    response.on("close", () => {
      const facts = {
        requestId: id,
        ...traceFacts(response),
        method: request.method,
        path: request.path,
        status: response.statusCode,
        ms: Math.round(performance.now() - started),
      };
      log.debug(facts, "request");
    });
    next();
  };
}

/** HTTP/1.1 demands it, and HTTP/1.0 does not know it. */
const requireHost: RequestHandler = (request, _, next) => {
  if (request.httpVersion === "1.1" && request.headers.host === undefined)
    throw new HttpProblem("malformed_request", "the request is not HTTP/1.1: it has no Host header");
  next();
};

/** Routes of a path, whatever their method; a trailing slash makes no difference, as in express. */
function routesAt(routes: readonly Route[], path: string): Route[] {
  const plain = path === "/" ? path : path.replace(/\/+$/, "");
  return routes.filter((route) => patternOf(route.path).test(plain));
}

function patternOf(path: string): RegExp {
  const parts = path.split(/(\{\w+\})/).map((part) => {
    if (part === "{model}") return ".+";
    return part.startsWith("{") ? "[^/]+" : part.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join("")}$`);
}

function unknownRoute(routes: readonly Route[]): RequestHandler {
  return (request) => {
    const known = routesAt(routes, request.path).map(({ method }) => method);
    const methods = [...documentPaths, pagePath].includes(request.path) ? ["get"] : known;
    if (methods.length > 0) {
      const allowed = methods
        .flatMap((method) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]))
        .join(", ");
      throw new HttpProblem("method_not_allowed", `${request.path} takes ${allowed}, got ${request.method}`, {
        headers: { allow: allowed },
      });
    }
    throw new HttpProblem("unknown_route", `Unknown request URL: ${request.method} ${request.path} (see /docs)`);
  };
}

function answerError(log: Logger, routes: readonly Route[]): ErrorRequestHandler {
  // oxlint-disable-next-line max-params -- express knows error handlers by their four parameters
  return (error: unknown, request, response, _next) => {
    const problem = problemOf(error);
    const id = response.locals["requestId"] as string;
    if (problem.code === "internal" || problem.code === "stage_failure")
      log.error({ requestId: id, ...traceFacts(response), err: error }, "request failed");
    response.locals["error"] = problem;
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    response.set(problem.headers);
    const family = routesAt(routes, request.path)[0]?.family ?? familyOfPath(request.path);
    const { status, body } = errorAnswer(problem, family);
    response.status(status).json(body);
  };
}
