import { describe, expect, test } from "vitest";
import { BoundedWork } from "./boundedWork.ts";

const bounded = () => new BoundedWork({ max: 2, what: "files are being read" });
const { signal } = new AbortController();
const aborted = (given: AbortSignal) =>
  new Promise<never>((_, reject) => given.addEventListener("abort", () => reject(given.reason as Error)));

describe("bounded work", () => {
  test("is refused beyond its limit, and has its place back when one ends, also by an error", async () => {
    const work = bounded();
    const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const running = [work.run(signal, () => first.promise), work.run(signal, () => second.promise)];
    const refused = {
      code: "overloaded",
      message: expect.stringContaining("2 files are being read already") as string,
    };
    await expect(work.run(signal, async () => "third")).rejects.toMatchObject(refused);
    second.reject(new Error("unreadable"));
    await expect(running[1]).rejects.toThrow("unreadable");
    expect(await work.run(signal, async () => "third")).toBe("third");
    first.resolve("first");
    expect(await running[0]).toBe("first");
  });

  test("ends with the reason of whoever asked, or when the server stops, and none begins after that", async () => {
    const work = bounded();
    const asking = new AbortController();
    const left = work.run(asking.signal, aborted);
    const stopped = work.run(signal, aborted);
    asking.abort(new Error("went away"));
    await expect(left).rejects.toThrow("went away");
    work.close();
    await expect(stopped).rejects.toMatchObject({ code: "jobs_unavailable" });
    await expect(work.run(signal, async () => "late")).rejects.toMatchObject({ code: "jobs_unavailable" });
  });
});
