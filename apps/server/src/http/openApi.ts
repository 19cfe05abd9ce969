/** @file The OpenAPI document, made from the schemas that check requests, and the page that shows it. */
import type { Express } from "express";
import express from "express";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { nativeErrors, openAiErrors, type ErrorCode } from "./errorTables.ts";
import { wantsKey, type Route } from "./route.ts";
import { nativeErrorSchema, openAiErrorSchema } from "./schemas.ts";

/** Errors that every route with a body can answer with. */
const requestErrors: readonly ErrorCode[] = [
  "empty_input",
  "invalid_input",
  "invalid_json",
  "unauthorized",
  "request_timeout",
  "payload_too_large",
  "overloaded",
  "not_ready",
  "stage_unavailable",
  "stage_failure",
  "internal",
];

const bodyErrors: readonly ErrorCode[] = [
  "invalid_input",
  "invalid_json",
  "unauthorized",
  "request_timeout",
  "payload_too_large",
  "internal",
];

/** What a route can answer instead of its result. */
function errorsOf(route: Route): readonly ErrorCode[] {
  return [...new Set([...commonErrorsOf(route), ...(route.errors ?? [])])];
}

/** Statuses of these errors. */
export function errorStatusesOf(route: Route): readonly number[] {
  const table = route.family === "openai" ? openAiErrors : nativeErrors;
  return [...new Set(errorsOf(route).map((code) => table[code].status))];
}

function commonErrorsOf({ request, family, path, errors, isInference }: Route): readonly ErrorCode[] {
  const isOpenAi = family === "openai";
  // Files and jobs do without the pipeline that serves.
  if (errors !== undefined && !isInference) return request === undefined ? ["unauthorized", "internal"] : bodyErrors;
  if (request !== undefined) return isOpenAi ? [...requestErrors, "unknown_model"] : requestErrors;
  if (isOpenAi) return ["unauthorized", "not_ready", ...(path.includes("{model}") ? (["unknown_model"] as const) : [])];
  return path === "/livez" || path === "/metrics" ? [] : ["not_ready"];
}

export function openApiDocument(routes: readonly Route[], version: string): ReturnType<typeof createDocument> {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Stagecoach",
      version,
      description:
        "Transformer encoders: embeddings, and what task models say. Routes under /v1 follow OpenAI, /answer and /fill-mask Hugging Face's task clients, the others text-embeddings-inference.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer" } } },
    paths,
  });
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const content = route.response === null ? {} : { content: { "application/json": { schema: route.response } } };
  const parameters = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name!,
    in: "path" as const,
    required: true,
    schema: { type: "string" as const },
  }));
  return {
    summary: route.summary,
    tags: [route.tag ?? tagOf(route)],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.request === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: route.request } } } }),
    ...(route.form === undefined
      ? {}
      : { requestBody: { required: true, content: { "multipart/form-data": { schema: route.form } } } }),
    ...(route.query === undefined ? {} : { requestParams: { query: route.query } }),
    ...(wantsKey(route) ? { security: [{ apiKey: [] }, {}] } : {}),
    responses: {
      "200": { description: "OK", ...content },
      ...errorResponses(route),
    },
  };
}

function tagOf({ family, isInference }: Route): string {
  if (family === "openai") return "OpenAI";
  return isInference ? "text-embeddings-inference" : "operations";
}

function errorResponses(route: Route) {
  const { family } = route;
  const schema = family === "openai" ? openAiErrorSchema : nativeErrorSchema;
  const table = family === "openai" ? openAiErrors : nativeErrors;
  const codes = Map.groupBy(errorsOf(route), (code) => String(table[code].status));
  return Object.fromEntries(
    [...codes].map(([status, errors]) => [
      status,
      { description: errors.join(", "), content: { "application/json": { schema } } },
    ]),
  );
}

/** The document's usual name, and text-embeddings-inference's. */
export const documentPaths = ["/openapi.json", "/api-doc/openapi.json"];
export const pagePath = "/docs";

/** The document, and a page to read and try it; nothing is loaded from elsewhere. */
export function serveOpenApi(app: Express, routes: readonly Route[], version: string): void {
  const document = openApiDocument(routes, version);
  app.get(documentPaths, (_, response) => void response.json(document));
  app.get(pagePath, (_, response) => void response.type("html").send(docsPage));
  app.use(`${pagePath}/assets`, express.static(docsAssets(), { index: false }));
}

/** In a published package the page lies beside the code (tools/pack); in a checkout it comes from swagger-ui-dist. */
function docsAssets(): string {
  const packaged = fileURLToPath(new URL("../../assets/swagger-ui", import.meta.url));
  return existsSync(packaged)
    ? packaged
    : dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
}

const docsPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Stagecoach API</title><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css"><link rel="icon" href="data:,"></head>
<body><div id="api"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null })</script>
</body></html>
`;
