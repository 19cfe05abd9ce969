/** @file API keys: a bearer token that is compared in constant time, whichever of the keys it is. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { RequestHandler } from "express";
import { HttpProblem } from "./httpProblem.ts";

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Lets a request pass that carries one of the keys; every request when there are none. */
export function requireApiKey(apiKeys: readonly string[]): RequestHandler {
  const digests = apiKeys.map(digest);
  return (request, _, next) => {
    if (digests.length === 0) return next();
    const [scheme, given = ""] = (request.headers.authorization ?? "").split(/\s+/, 2);
    const presented = digest(given);
    // Every key is compared, so that the time taken does not tell which one was close.
    const matches = digests.map((each) => timingSafeEqual(each, presented)).includes(true);
    if (scheme?.toLowerCase() === "bearer" && matches) return next();
    const hint = given === "" ? "no key was given" : "the key is not one of this server's";
    throw new HttpProblem("unauthorized", `${hint} (send the header Authorization: Bearer KEY)`, {
      headers: { "www-authenticate": "Bearer" },
    });
  };
}
