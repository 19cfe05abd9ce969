/** @file The tiny encoder as a model on a hub (libs/transformer/src/node/hub/testing/fakeHub.ts). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tinyEncoder } from "./paths.ts";

const files = Object.fromEntries(
  readdirSync(tinyEncoder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "golden.json")
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(tinyEncoder.length + 1), new Uint8Array(readFileSync(path))];
    }),
);

export const hubModel = { id: "org/tiny-encoder", commit: "0123456789abcdef0123456789abcdef01234567", files };

/** Bytes of all its files. */
export const hubModelBytes = Object.values(files).reduce((total, { length }) => total + length, 0);
