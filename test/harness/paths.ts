/** @file Where test data is: fixtures of the repository, and real data that may or may not be beside it. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));
export const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));
/** A sentence encoder of 4 layers, small enough to be in the repository (tools/oracles/sentence_encoder.py). */
export const tinyEncoder = `${fixtures}tiny-encoder`;
/** A sentence encoder of 2 layers with two poolings and two dense modules (tools/oracles/dense_encoder.py). */
export const denseEncoder = `${fixtures}dense-encoder`;

/** Real models, data and golden values, given beside the repository on some machines; never part of it. */
export const shared = fileURLToPath(new URL("../../../shared/", import.meta.url));
export const miniLm = `${shared}models/all-MiniLM-L6-v2`;

/** For `test.skipIf` and the test's name: what is missing, or null. */
export function missing(path: string): string | null {
  return existsSync(path) ? null : `skipped: ${path.slice(shared.length - "shared/".length)} is not here`;
}
