/** @file Bodies: JSON in UTF-8, whatever the content type says (`curl -d` calls it a form). */
import express, { type RequestHandler } from "express";
import { isUtf8 } from "node:buffer";
import { HttpProblem } from "./httpProblem.ts";

/** Sets `request.body`. Bytes that are no UTF-8 are refused: replaced in silence they would give the vector of another text. */
export function readJson(limitBytes: number): RequestHandler[] {
  const ignoreContentType: RequestHandler = (request, _, next) => {
    request.headers["content-type"] = "application/json";
    next();
  };
  const verify = (_request: unknown, _response: unknown, body: Buffer) => {
    if (body.length === 0) throw new HttpProblem("invalid_json", "expected a JSON object as the body, got none");
    if (!isUtf8(body)) throw new HttpProblem("invalid_json", "the body is not UTF-8 (send JSON in UTF-8)");
  };
  return [ignoreContentType, express.json({ limit: limitBytes, strict: false, verify })];
}
