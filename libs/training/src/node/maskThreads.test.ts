import { afterEach, describe, expect, test } from "vitest";
import { maskSize, type MaskRequest } from "../stage/dropoutMasks.ts";
import { LocalMaskMaker, type MaskMaker } from "../stage/maskMaker.ts";
import { MaskThreads } from "./maskThreads.ts";

const batch = { lengths: Int32Array.of(5, 9, 2), textIds: Int32Array.of(3, 1, 7) };
const makers: MaskMaker[] = [];
afterEach(async () => {
  for (const maker of makers.splice(0)) await maker.close();
});

async function masksOf(maker: MaskMaker): Promise<number[][]> {
  makers.push(maker);
  const kinds = [
    { kind: "attention", numHeads: 4 },
    { kind: "tokens", width: 16 },
    { kind: "texts", width: 16 },
  ] as const;
  const requests = kinds.flatMap((shape) =>
    ["0", "1"].map((layer): MaskRequest => {
      const into = maker.memory.take(maskSize(shape, batch));
      return { site: `dropout.layer.${layer}.${shape.kind}`, rate: 0.3, shape, into };
    }),
  );
  await maker.make(requests, batch);
  return requests.map(({ into }) => Array.from(into));
}

describe("MaskThreads", () => {
  test.each([1, 2, 3, 9])("%i threads make the masks that one makes", async (threads) => {
    expect(await masksOf(new MaskThreads(11, threads))).toEqual(await masksOf(new LocalMaskMaker(11)));
  });

  test("uses memory again that was given back", () => {
    const maker = new MaskThreads(11, 1);
    makers.push(maker);
    const first = maker.memory.take(5000);
    maker.memory.giveBack(first);
    expect(maker.memory.take(5000).buffer).toBe(first.buffer);
  });

  test("says what went wrong in another thread, and makes no more", async () => {
    const maker = new MaskThreads(11, 2);
    makers.push(maker);
    const shape = { kind: "tokens", width: 4 } as const;
    const requestOf = (of: object) => ({ site: "dropout.a", rate: 0.3, shape, ...of }) as MaskRequest;
    const own = requestOf({ into: maker.memory.take(100) });
    const broken = requestOf({ into: maker.memory.take(64), shape: null });
    await expect(maker.make([own, broken], batch)).rejects.toThrow(TypeError);
    await expect(maker.make([own], batch)).rejects.toThrow(TypeError);
  });

  test("refuses to make masks once it is closed", async () => {
    const maker = new MaskThreads(11, 2);
    await maker.close();
    await expect(maker.make([], batch)).rejects.toThrow(/threads that make masks had been closed/);
  });
});
