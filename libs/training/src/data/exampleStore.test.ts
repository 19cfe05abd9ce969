/** @file Storage in memory and on disk by the same tests. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { filePieces } from "../node/data/filePieces.ts";
import { ExampleStore, memoryPieces, pieceWords } from "./exampleStore.ts";

const folder = mkdtempSync(join(tmpdir(), "stagecoach-store-"));
afterAll(() => rmSync(folder, { recursive: true }));

const storages = {
  "in memory": memoryPieces,
  "on disk": () => filePieces(folder, 0),
  "partly on disk": () => filePieces(folder, pieceWords * 4),
};

describe.each(Object.entries(storages))("ExampleStore %s", (_, createStorage) => {
  const example = (i: number) => ({
    ids: Int32Array.from({ length: 1 + (i % 977) }, (__, j) => i * 31 + j),
    firstSegment: i % 977,
    target: Int32Array.from({ length: i % 5 }, (__, j) => -i - j),
  });

  test("gives back what was added, over several pieces and in any order", () => {
    const store = new ExampleStore(createStorage());
    const size = 6000; // 2.9 million tokens
    for (let i = 0; i < size; i++) expect(store.add(example(i))).toBe(i);
    expect(store.numTokens).toBeGreaterThan(2.5 * pieceWords);
    for (let i = 0; i < size; i += 7) expect(store.get((i * 4999) % size)).toEqual(example((i * 4999) % size));
    expect(store.lengthOf(978)).toBe(2);
    store.close();
  });

  test("leaves no file behind, even while it is open", () => {
    const store = new ExampleStore(createStorage());
    for (let i = 0; i < 3; i++) {
      store.add({ ids: new Int32Array(pieceWords - 10), firstSegment: 0, target: new Int32Array(0) });
    }
    expect(readdirSync(folder)).toEqual([]);
    store.close();
  });
});
