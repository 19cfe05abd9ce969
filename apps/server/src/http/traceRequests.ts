/**
 * @file A span for each request: what OpenTelemetry's conventions for HTTP servers name, and nothing that a client has written but its path.
 *
 * Follows the semantic conventions for HTTP spans (stable, 1.23). Queries, headers, bodies and addresses are not recorded.
 */
import type { RequestTrace, SpanAttributes } from "@stagecoach/parallel";
import type { ProcessTracer, RequestSpan } from "@stagecoach/parallel/node";
import type { RequestHandler, Response } from "express";
import { labelsOf } from "./countRequests.ts";

/** Machines ask them every few seconds; nobody wants to see these among requests. */
const PROBES = new Set(["/health", "/ping", "/livez", "/readyz", "/metrics"]);

/** As the conventions list them: others are one, so that a client cannot make up names of spans. */
const KNOWN_METHODS = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
  "QUERY",
]);

type Traced = { readonly span: RequestSpan; readonly trace: RequestTrace | undefined };

/** Goes before everything that answers or is logged. */
export function traceRequests(tracer: ProcessTracer): RequestHandler {
  return (request, response, next) => {
    if (PROBES.has(request.path)) return next();
    const isKnown = KNOWN_METHODS.has(request.method);
    const method = isKnown ? request.method : "HTTP";
    const span = tracer.startRequest(method, {
      startMs: performance.now(),
      traceparent: request.get("traceparent"),
      tracestate: request.get("tracestate"),
      attributes: {
        "http.request.method": isKnown ? request.method : "_OTHER",
        "url.path": request.path,
        "url.scheme": "http",
      },
    });
    const trace = span.isRecorded ? { tracer, traceparent: span.traceparent } : undefined;
    response.locals["traced"] = { span, trace } satisfies Traced;
    response.on("close", () => endSpan(span, method, response));
    next();
  };
}

function endSpan(span: RequestSpan, method: string, response: Response): void {
  const route = labelsOf(response)?.path;
  if (route !== undefined) span.rename(`${method} ${route}`);
  const status: SpanAttributes = response.writableEnded
    ? { "http.response.status_code": response.statusCode }
    : { "error.type": "client_closed" };
  const { error } = response.locals as { readonly error?: Error };
  span.end(performance.now(), {
    attributes: { ...(route === undefined ? {} : { "http.route": route }), ...status },
    ...(response.writableEnded && response.statusCode >= 500 && error !== undefined ? { error } : {}),
  });
}

const tracedOf = ({ locals }: Response) => locals["traced"] as Traced | undefined;

/** What the parts of a request that is recorded are made with. */
export const traceOf = (response: Response): RequestTrace | undefined => tracedOf(response)?.trace;

/** For the log: the names that OpenTelemetry has for them there. */
export function traceFacts(response: Response): { readonly trace_id?: string; readonly span_id?: string } {
  const traced = tracedOf(response);
  return traced === undefined ? {} : { trace_id: traced.span.traceId, span_id: traced.span.spanId };
}
