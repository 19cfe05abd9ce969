import { describe, expect, test } from "vitest";
import { BufferPool } from "./bufferPool.ts";

describe("BufferPool", () => {
  test("gives views of the size that was asked for", () => {
    expect([1, 1024, 1025, 100_000].map((size) => new BufferPool().take(size).length)).toEqual([
      1, 1024, 1025, 100_000,
    ]);
  });

  test("gives memory again that was given back, also for what is up to half as large", () => {
    const pool = new BufferPool();
    const first = pool.take(8000);
    pool.giveBack(first);
    const second = pool.take(4500);
    expect([second.buffer === first.buffer, second.length]).toEqual([true, 4500]);
  });

  test("gives the smallest that fits", () => {
    const pool = new BufferPool();
    const [large, small] = [pool.take(8000), pool.take(5000)];
    pool.giveBack(large);
    pool.giveBack(small);
    expect(pool.take(4800).buffer).toBe(small.buffer);
  });

  test("does not spend a buffer on less than half of it", () => {
    const pool = new BufferPool();
    const large = pool.take(8000);
    pool.giveBack(large);
    expect(pool.take(2000).buffer).not.toBe(large.buffer);
    expect(pool.take(8000).buffer).toBe(large.buffer);
  });

  test("never gives memory that somebody has", () => {
    const pool = new BufferPool();
    const buffers = [5000, 5000, 5000].map((size) => pool.take(size).buffer);
    expect(new Set(buffers).size).toBe(3);
  });

  test("lets go of one that is too small for the batches that come: sizes that grow do not pile up", () => {
    const pool = new BufferPool();
    const buffers = [5000, 6000, 7000].map((size) => {
      const data = pool.take(size);
      pool.giveBack(data);
      return data.buffer;
    });
    expect(pool.take(5000).buffer).toBe(buffers[2]);
    expect(buffers).not.toContain(pool.take(5000).buffer);
  });

  test("is of memory that threads share, where asked to", () => {
    expect(new BufferPool({ isShared: true }).take(10).buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(new BufferPool().take(10).buffer).toBeInstanceOf(ArrayBuffer);
  });
});
