/** @file The cache is bounded in entries and in the size of each. */
import { describe, expect, test } from "vitest";
import { IdCache } from "./idCache.ts";

describe("IdCache", () => {
  test("returns what was set", () => {
    const cache = new IdCache();
    cache.set("word", Int32Array.of(1, 2));
    expect(cache.get("word")).toEqual(Int32Array.of(1, 2));
    expect(cache.get("wor")).toBeUndefined();
  });

  test("starts anew when it is full", () => {
    const cache = new IdCache();
    for (let i = 0; i < 65_537; i++) cache.set(`w${i}`, Int32Array.of(i));
    expect(cache.get("w0")).toBeUndefined();
    expect(cache.get("w65536")).toEqual(Int32Array.of(65_536));
  });

  test("keeps neither long texts nor long results", () => {
    const cache = new IdCache();
    const long = "x".repeat(49);
    cache.set(long, Int32Array.of(1));
    cache.set("short", new Int32Array(65));
    expect([cache.accepts(long), cache.get(long), cache.get("short")]).toEqual([false, undefined, undefined]);
  });
});
