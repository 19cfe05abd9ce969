/**
 * @file A route: its schemas, its documentation and its handler in one place.
 *
 * What checks a request is what the OpenAPI document is made of (openApi.ts), so the two cannot differ.
 */
import type { Request, RequestHandler, Response } from "express";
import type { z } from "zod";
import type { ErrorCode } from "./errorTables.ts";
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
  readonly method: "get" | "post" | "delete";
  readonly path: string;
  readonly family: RouteFamily;
  readonly summary: string;
  /** Heading in the OpenAPI document; by default that of its family. */
  readonly tag?: string;
  readonly request?: z.ZodType;
  /** A body of another kind than JSON, which the handler reads by itself. */
  readonly form?: z.ZodType;
  /** Parameters after the question mark. */
  readonly query?: z.ZodObject;
  /** Besides those that all routes of its kind have. */
  readonly errors?: readonly ErrorCode[];
  readonly response: z.ZodType | null;
  /** Counts against `maxConcurrentRequests` and needs a key. */
  readonly isInference: boolean;
  /** Needs a key for another reason; all of OpenAI's do. */
  readonly needsKey?: boolean;
};

/** Whether a route wants a key, of a server that has any. */
export function wantsKey({ isInference, family, needsKey = false }: RouteDocumentation): boolean {
  return isInference || family === "openai" || needsKey;
}

export type Route = RouteDocumentation & { readonly handler: RequestHandler };

type Definition<Schema extends z.ZodType> = Omit<RouteDocumentation, "request"> & {
  readonly request: Schema;
  readonly handle: (context: RouteContext<z.output<Schema>>) => unknown;
  /** Answers a body that does not fit the schema; 400 where it has no answer (`undefined`), or is left out. */
  readonly onMisfit?: (misfits: readonly Misfit[], body: unknown) => unknown;
};

/** What is wrong with a field of a body or a query; null: with all of it. */
export type Misfit = { readonly field: string | null; readonly message: string };

/** A route with a JSON body. What `handle` returns is sent as JSON, unless it has answered by itself (`undefined`). */
export function postRoute<Schema extends z.ZodType>(definition: Omit<Definition<Schema>, "method">): Route {
  const { request: schema, handle, onMisfit } = definition;
  return {
    ...definition,
    method: "post",
    handler: async (request, response) => {
      const read = readBody(schema, request.body);
      const refusal = read.success ? undefined : onMisfit?.(misfitsOf(read.error, "the body"), request.body);
      if (!read.success && refusal === undefined) throw misfit(read.error, "the body");
      const answer = read.success
        ? await handle({ body: read.data, request, response, signal: leavingSignal(response) })
        : refusal;
      if (answer !== undefined) response.json(answer);
    },
  };
}

/** Aborted when the client leaves before its answer is there. */
export function leavingSignal(response: Response): AbortSignal {
  const leaving = new AbortController();
  response.on("close", () => {
    if (!response.writableEnded) leaving.abort(new HttpProblem("client_closed", "the client left before the answer"));
  });
  return leaving.signal;
}

type PlainDefinition = Omit<RouteDocumentation, "method" | "request" | "query" | "form"> & {
  readonly handle: (context: { readonly request: Request; readonly response: Response }) => unknown;
};

/** A route without a body. */
export function getRoute(definition: PlainDefinition): Route {
  return plainRoute("get", definition);
}

/** A `POST` that takes no body: it does something to what its path names. */
export function actionRoute(definition: PlainDefinition): Route {
  return plainRoute("post", definition);
}

export function deleteRoute(definition: PlainDefinition): Route {
  return plainRoute("delete", definition);
}

/** A `POST` with a form, which `handle` reads while it comes in. */
export function formRoute(definition: PlainDefinition & { readonly form: z.ZodType }): Route {
  return plainRoute("post", definition);
}

function plainRoute(method: Route["method"], definition: PlainDefinition): Route {
  return {
    ...definition,
    method,
    handler: async (request, response) => {
      const answer = await definition.handle({ request, response });
      if (answer !== undefined) response.json(answer);
    },
  };
}

/** A `GET` with parameters after the question mark; `metadata[key]=value` is an entry of `metadata`. */
export function queryRoute<Query extends z.ZodObject>(
  definition: Omit<PlainDefinition, "handle"> & {
    readonly query: Query;
    readonly handle: (context: {
      readonly query: z.output<Query>;
      readonly request: Request;
      readonly response: Response;
    }) => unknown;
  },
): Route {
  const { query: schema, handle } = definition;
  const read = ({ request, response }: { readonly request: Request; readonly response: Response }) =>
    handle({ query: check(schema, nested(request.query), "the query"), request, response });
  return { ...plainRoute("get", { ...definition, handle: read }), query: schema };
}

/** `{"a[b]": "c"}` as `{a: {b: "c"}}`. */
function nested(query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(query)) {
    const [, outer, inner] = /^(\w+)\[(.+)\]$/.exec(name) ?? [];
    if (outer === undefined) found[name] = value;
    else found[outer] = { ...(found[outer] as object | undefined), [inner!]: value };
  }
  return found;
}

/** @throws HttpProblem */
function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.ZodSafeParseResult<z.output<Schema>> {
  if (body === undefined) throw new HttpProblem("invalid_json", "expected a JSON object as the body, got none");
  return schema.safeParse(body);
}

/** @throws HttpProblem that names the first field that does not fit */
export function check<Schema extends z.ZodType>(schema: Schema, given: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw misfit(parsed.error, what);
}

function misfit(error: z.ZodError, what: string): HttpProblem {
  const [{ field, message } = { field: null, message: `${what}: it does not fit` }] = misfitsOf(error, what);
  return new HttpProblem("invalid_input", message, { field });
}

function misfitsOf(error: z.ZodError, what: string): Misfit[] {
  return error.issues.map(mostSpecific).map(({ path, message }) => {
    const field = path.join(".");
    return field === ""
      ? { field: null, message: `${what}: ${message}` }
      : { field, message: `\`${field}\`: ${message}` };
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
