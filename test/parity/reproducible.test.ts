/** @file Vectors that are to be the same each time do not depend on what the machine measured when the model was loaded. */
import type { RunCost } from "@stagecoach/parallel";
import type * as parallel from "@stagecoach/parallel/node";
import { loadEncoder } from "stagecoach";
import { describe, expect, test, vi } from "vitest";
import { tinyEncoder } from "../harness/paths.ts";
import { seededRandom } from "../harness/random.ts";

/** What the next models that are loaded have measured: as if starting a run took no time, or a lot. */
const measured = vi.hoisted((): RunCost[] => []);
const costs: readonly RunCost[] = [0, 1].map((fixed) => ({ fixed, token: 1e-5, padded: 1e-5, attention: 1e-6 }));

vi.mock("@stagecoach/parallel/node", async (original) => {
  const actual = await original<typeof parallel>();
  class Measured extends actual.StageLanes {
    override async load(...given: Parameters<InstanceType<typeof actual.StageLanes>["load"]>) {
      const facts = await super.load(...given);
      return { ...facts, runCost: measured.shift()! };
    }
  }
  return { ...actual, StageLanes: Measured };
});

const random = seededRandom(7);
const words = ["the", "layers", "of", "workers", "in", "a", "stag"];
const texts = Array.from({ length: 200 }, () =>
  Array.from({ length: 1 + Math.floor(random() * 40) }, () => words[Math.floor(random() * words.length)]).join(" "),
);

async function bytesOf(reproducible: boolean): Promise<Buffer> {
  await using encoder = await loadEncoder(tinyEncoder, { threads: 1, reproducible });
  const vectors = await encoder.encode(texts);
  return Buffer.concat(
    vectors.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
}

describe("an encoder's vectors", () => {
  test("have the same bytes whatever was measured, where that is asked for", async () => {
    measured.push(...costs);
    const [one, other] = [await bytesOf(true), await bytesOf(true)];
    expect(one.equals(other)).toBe(true);
  });

  test("differ in their last bits otherwise: micro-batches are cut by what was measured", async () => {
    measured.push(...costs);
    const [one, other] = [await bytesOf(false), await bytesOf(false)];
    expect(one.equals(other)).toBe(false);
  });
});
