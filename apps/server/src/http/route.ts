/**
 * @file A route: its schemas, its documentation and its handler in one place.
 *
 * What checks a request is what the OpenAPI document is made of (openApi.ts), so the two cannot differ.
 */
import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import { HttpProblem } from "./httpProblem.ts";

/** Whose conventions a route follows, for errors above all. */
export type RouteFamily = "openai" | "native";

export type RouteContext<Body> = {
  readonly body: Body;
  readonly request: Request;
  readonly response: Response;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
};

export type RouteDocumentation = {
  readonly method: "get" | "post";
  readonly path: string;
  readonly family: RouteFamily;
  readonly summary: string;
  readonly request?: z.ZodType;
  readonly response: z.ZodType | null;
  /** Counts against `maxConcurrentRequests` and needs a key. */
  readonly isInference: boolean;
};

export type Route = RouteDocumentation & { readonly handler: RequestHandler };

type Definition<Schema extends z.ZodType> = Omit<RouteDocumentation, "request"> & {
  readonly request: Schema;
  readonly handle: (context: RouteContext<z.output<Schema>>) => unknown;
};

/** A route with a JSON body. What `handle` returns is sent as JSON, unless it has answered by itself (`undefined`). */
export function postRoute<Schema extends z.ZodType>(definition: Omit<Definition<Schema>, "method">): Route {
  const { request: schema, handle } = definition;
  return {
    ...definition,
    method: "post",
    handler: async (request, response) => {
      const body = readBody(schema, request.body);
      const leaving = new AbortController();
      response.on("close", () => {
        if (!response.writableEnded)
          leaving.abort(new HttpProblem("client_closed", "the client left before the answer"));
      });
      const answer = await handle({ body, request, response, signal: leaving.signal });
      if (answer !== undefined) response.json(answer);
    },
  };
}

/** A route without a body. */
export function getRoute(
  definition: Omit<RouteDocumentation, "method" | "request"> & {
    readonly handle: (context: { readonly request: Request; readonly response: Response }) => unknown;
  },
): Route {
  return {
    ...definition,
    method: "get",
    handler: async (request, response) => {
      const answer = await definition.handle({ request, response });
      if (answer !== undefined) response.json(answer);
    },
  };
}

/** @throws HttpProblem that names the first field that does not fit */
function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  if (body === undefined) throw new HttpProblem("invalid_json", "expected a JSON object as the body, got none");
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const deepest = issue === undefined ? undefined : mostSpecific(issue);
  const field = deepest?.path.join(".") ?? "";
  const message = deepest?.message ?? "it does not fit";
  throw new HttpProblem("invalid_input", field === "" ? `the body: ${message}` : `\`${field}\`: ${message}`, {
    field: field === "" ? null : field,
  });
}

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string };

/** In a union, the alternative that came furthest says best what is wrong. */
function mostSpecific(issue: z.core.$ZodIssue): Issue {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return { path: issue.path, message: issue.message };
  const alternatives = issue.errors.flatMap((errors) => errors.slice(0, 1).map(mostSpecific));
  const deepest = alternatives.reduce((a, b) => (isFurther(b, a) ? b : a), alternatives[0]!);
  const inUnion = deepest.path.length === 0 ? issue.message : deepest.message;
  return { path: [...issue.path, ...deepest.path], message: inUnion };
}

/** Whether `a` was found deeper inside of the value than `b`, or at the same depth behind it. */
function isFurther(a: Issue, b: Issue): boolean {
  if (a.path.length !== b.path.length) return a.path.length > b.path.length;
  const differing = a.path.findIndex((key, depth) => key !== b.path[depth]);
  return differing !== -1 && Number(a.path[differing]) > Number(b.path[differing]);
}
