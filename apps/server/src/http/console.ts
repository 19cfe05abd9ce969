/** @file The console: static files at `/`, for whoever asks for a page there; others get what text-embeddings-inference answers. */
import express, { type Express, type RequestHandler } from "express";
import { join } from "node:path";
import type { Logger } from "pino";
import { consoleFolder } from "./consoleFolder.ts";

/** Files of the bundle, named by their content. */
const assetsPath = "/console";

/** Nothing is loaded from elsewhere, and nothing is sent elsewhere. Charts set styles of their own. */
const contentPolicy =
  "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

export function serveConsole(app: Express, log: Logger, count: RequestHandler): void {
  const findFolder = consoleFolder();
  const folder = () =>
    findFolder().catch((error: unknown) => {
      log.error({ err: error }, "the console cannot be built");
      throw error;
    });
  app.get("/", (request, response, next) => {
    // Probes and scripts take anything; only a browser asks for a page by name.
    if (!(request.get("accept") ?? "").includes("text/html")) return next("route");
    count(request, response, () => {});
    const headers = { "content-security-policy": contentPolicy, "cache-control": "no-cache", vary: "accept" };
    // With a root, folders above it may have any name: without one those with a dot are hidden.
    folder().then((root) => response.set(headers).sendFile("index.html", { root }), next);
  });
  app.get(`${assetsPath}/*file`, count);
  let assets: RequestHandler | null = null;
  app.use(assetsPath, (request, response, next) => {
    const options = { index: false, immutable: true, maxAge: "1y" } as const;
    folder().then((root) => {
      assets ??= express.static(join(root, assetsPath), options);
      assets(request, response, next);
    }, next);
  });
}
