/** @file The trie as a map from strings. */
import { describe, expect, test } from "vitest";
import { Trie } from "./trie.ts";

function valueOf(trie: Trie, key: string): number {
  let node = trie.root;
  for (let i = 0; i < key.length && node >= 0; i++) node = trie.step(node, key.charCodeAt(i));
  return node < 0 ? -1 : trie.valueAt(node);
}

describe("Trie", () => {
  test("has the value of every key after growing many times, and none for other strings", () => {
    const trie = new Trie(1);
    const keys = Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 20_011}\u4e2d${i % 3}`);
    for (const [i, key] of keys.entries()) trie.insert(key, i);
    expect(keys.filter((key, i) => valueOf(trie, key) !== i)).toEqual([]);
    expect(["", "1", "20012\u4e2d0", "\u4e2d"].map((key) => valueOf(trie, key))).toEqual([-1, -1, -1, -1]);
  });

  test("keeps the later value of a key", () => {
    const trie = new Trie();
    trie.insert("ab", 1);
    trie.insert("ab", 2);
    expect(valueOf(trie, "ab")).toBe(2);
  });
});
