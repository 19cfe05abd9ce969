/**
 * @file Requests that HTTP itself cannot read: too slow, heads too large, no HTTP at all. Node closes such connections with an empty
 * answer; clients get one of ours, which says what was wrong.
 */
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { errorAnswer, familyOfPath } from "./errorAnswer.ts";
import { HttpProblem } from "./httpProblem.ts";

export type ConnectionErrorOptions = {
  readonly bodyTimeoutSeconds: number;
  /** Told of the status of each answer to what never became a request of the application; silence is not even that. */
  readonly onUnreadable: (status: number) => void;
};

export function answerConnectionErrors(server: Server, options: ConnectionErrorOptions): void {
  const responses = new WeakMap<Duplex, ServerResponse>();
  server.on("request", (request, response) => void responses.set(request.socket, response));
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const response = responses.get(socket);
    const isAnswering = response !== undefined && !response.writableFinished;
    if (!socket.writable || error.code === "ECONNRESET" || (isAnswering && response.headersSent)) {
      socket.destroy();
      return;
    }
    const family = familyOfPath(isAnswering ? (response.req.url ?? "") : "");
    const { status, body } = errorAnswer(problemOf(error, options.bodyTimeoutSeconds), family);
    const text = JSON.stringify(body);
    if (isAnswering) {
      response.writeHead(status, { connection: "close", "content-type": "application/json; charset=utf-8" }).end(text);
      return;
    }
    // Browsers and other clients open connections before they need them.
    if ((socket as Socket).bytesRead > 0) options.onUnreadable(status);
    const head = `HTTP/1.1 ${status} Error\r\nConnection: close\r\nContent-Type: application/json; charset=utf-8\r\n`;
    socket.end(`${head}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  });
}

function problemOf(error: NodeJS.ErrnoException, bodyTimeoutSeconds: number): HttpProblem {
  if (error instanceof HttpProblem) return error;
  const { code } = error;
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    const message = `the request was not complete within the ${bodyTimeoutSeconds} s that this server gives (--body-timeout)`;
    return new HttpProblem("request_timeout", message, { cause: error });
  }
  if (code === "HPE_HEADER_OVERFLOW")
    return new HttpProblem("headers_too_large", "the request's headers are larger than 16 KB", { cause: error });
  if (code === "HPE_INVALID_EOF_STATE")
    return new HttpProblem("client_closed", "the connection closed before the request was complete", { cause: error });
  return new HttpProblem("malformed_request", `the request is not HTTP/1.1: ${error.message}`, { cause: error });
}
