/**
 * @file Bodies that do not come. A request has so many seconds for its whole body; an upload has them anew with every byte, because
 * its size has a limit already and a slow line is nobody's fault.
 *
 * Node's own `requestTimeout` knows no exceptions: it is off, and this stands in its place.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { HttpProblem } from "./httpProblem.ts";

/** How often bodies are held against the limit. */
const CHECK_INTERVAL_MS = 1000;

/** Requests whose body may take as long as it likes, as long as it comes. */
const uploads = new WeakSet<IncomingMessage>();

type Body = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the request, or of its answer where that came before the end of the body. */
  startedAt: number;
  /** Of the connection, when it was last looked at. */
  bytesRead: number;
  /** When it had grown. */
  movedAt: number;
};

/** From now on this request's time counts from its last byte. Whoever calls it bounds the size, and has checked who asks. */
export function allowSlowBody(request: IncomingMessage): void {
  uploads.add(request);
}

/** A body that is late ends in `clientError`, with the answer as an HttpProblem; one that was answered already in the end of its connection. */
export function limitBodies(server: Server, timeoutMs: number): void {
  const open = new Set<Body>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const now = performance.now();
    const body: Body = { request, response, startedAt: now, bytesRead: request.socket.bytesRead, movedAt: now };
    open.add(body);
    request.once("close", () => open.delete(body));
    response.once("finish", () => (body.startedAt = performance.now()));
  });
  const check = () => {
    for (const body of open) {
      const { request, response } = body;
      noteProgress(body);
      const isUpload = uploads.has(request) && !response.writableEnded;
      const isLate = performance.now() - (isUpload ? body.movedAt : body.startedAt) >= timeoutMs;
      if (!request.complete && !isLate) continue;
      open.delete(body);
      if (request.complete) continue;
      // Node tells a request of its connection's end only until it is answered; whoever reads this one still waits.
      request.socket.once("close", () => request.destroy());
      if (response.writableEnded) request.socket.destroy();
      else server.emit("clientError", late(timeoutMs / 1000, isUpload), request.socket);
    }
  };
  // What has come while this process was busy is read between the timer and this.
  const checking = setInterval(() => setImmediate(check), Math.min(CHECK_INTERVAL_MS, timeoutMs));
  checking.unref();
  server.once("close", () => clearInterval(checking));
}

/** Bytes that wait in this process are the server's to take: until then the client cannot send more. */
function noteProgress(body: Body): void {
  const { bytesRead } = body.request.socket;
  if (bytesRead === body.bytesRead && body.request.readableLength === 0) return;
  body.bytesRead = bytesRead;
  body.movedAt = performance.now();
}

function late(seconds: number, isUpload: boolean): HttpProblem {
  const message = isUpload
    ? `the upload was not complete, and nothing of it came for the ${seconds} s that this server waits (--body-timeout)`
    : `the request was not complete within the ${seconds} s that this server gives (--body-timeout)`;
  return new HttpProblem("request_timeout", message);
}
