/** @file `stagecoach plan`: layers over stages as arithmetic has it, and as this machine measures it. */
import { describe, expect, test } from "vitest";
import { tinyEncoder } from "../harness/paths.ts";
import { stagecoach } from "../harness/startServer.ts";

type Plan = {
  readonly model: string;
  readonly unit: string;
  readonly costs: { readonly embeddings: number; readonly layers: readonly number[]; readonly head: number };
  readonly stages: readonly {
    readonly stage: number;
    readonly layers: { readonly start: number; readonly end: number };
    readonly parts: string;
    readonly share: number;
    readonly parameterBytes: number;
  }[];
  readonly balance: number;
};

const plan = (...flags: string[]) => stagecoach(["plan", "--model", tinyEncoder, ...flags], { timeoutMs: 60_000 });
const planOf = async (...flags: string[]) => JSON.parse((await plan("--json", ...flags)).stdout) as Plan;

/** Sizes of the tiny encoder: test/fixtures/tiny-encoder/config.json. Weights and biases, and two numbers per norm and value. */
const [D, F, V, P] = [32, 64, 200, 96];
const embeddingBytes = 4 * ((V + P + 2) * D + 2 * D);
const layerBytes = 4 * (4 * (D * D + D) + (D * F + F) + (F * D + D) + 2 * 2 * D);

describe("stagecoach plan", () => {
  test("spreads all layers once, in order, over as many stages as asked for; bytes are those of the weights", async () => {
    for (const stages of [1, 2, 3, 4]) {
      const { stages: planned } = await planOf("--stages", String(stages));
      expect(planned.map(({ stage }) => stage)).toEqual(Array.from({ length: stages }, (_, stage) => stage));
      expect(planned[0]!.layers.start).toBe(0);
      expect(planned.at(-1)!.layers.end).toBe(4);
      expect(planned.slice(1).map(({ layers }) => layers.start)).toEqual(
        planned.slice(0, -1).map(({ layers }) => layers.end),
      );
      expect(planned.map(({ parameterBytes }) => parameterBytes)).toEqual(
        planned.map(
          ({ stage, layers }) => (layers.end - layers.start) * layerBytes + (stage === 0 ? embeddingBytes : 0),
        ),
      );
    }
  });

  test("shares are shares of the printed costs, and the largest is as small as it can be", async () => {
    const { costs, stages, balance, unit, model } = await planOf("--stages", "3");
    expect([unit, model]).toEqual(["operations", "tiny-encoder"]);
    const total = costs.embeddings + costs.layers.reduce((a, b) => a + b, 0) + costs.head;
    const costOf = (start: number, end: number) =>
      costs.layers.slice(start, end).reduce((a, b) => a + b, 0) +
      (start === 0 ? costs.embeddings : 0) +
      (end === 4 ? costs.head : 0);
    for (const { layers, share } of stages) expect(share).toBeCloseTo(costOf(layers.start, layers.end) / total, 12);
    const cuts = [1, 2, 3].flatMap((first) =>
      [2, 3].filter((second) => second > first).map((second) => [0, first, second, 4]),
    );
    const largest = (cut: readonly number[]) =>
      Math.max(...[0, 1, 2].map((stage) => costOf(cut[stage]!, cut[stage + 1]!)));
    const best = Math.min(...cuts.map(largest));
    expect(Math.max(...stages.map(({ share }) => share)) * total).toBeCloseTo(best, 6);
    expect(balance).toBeCloseTo(total / 3 / best, 12);
    // Equal layers, embeddings at one end: the stage of two layers is in the middle.
    expect(stages.map(({ parts }) => parts)).toEqual(["embeddings, layer 0", "layers 1-2", "layer 3, pooling"]);
  });

  test("prints the same as a table", async () => {
    const { code, stdout, stderr } = await plan("--stages", "2");
    expect([code, stderr]).toEqual([0, ""]);
    const { stages, balance } = await planOf("--stages", "2");
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("tiny-encoder over 2 stages");
    expect(lines[2]).toMatch(/^stage +parts +cost +weights/);
    stages.forEach(({ stage, parts, share, parameterBytes }, row) => {
      const cells = lines[3 + row]!.split(/ {2,}/);
      const size = `${(parameterBytes / 1000).toFixed(1)} kB`;
      expect(cells.slice(0, 4)).toEqual([String(stage), parts, `${(share * 100).toFixed(1)} %`, size]);
      expect(cells[4]).toMatch(/^#+$/);
    });
    expect(lines).toContain(`balance ${balance.toFixed(3)} (1 is even), cost in operations`);
  });

  test("--measure times every layer on this machine", async () => {
    const { unit, costs, stages } = await planOf("--stages", "2", "--measure");
    expect(unit).toBe("seconds");
    expect(costs.layers.length).toBe(4);
    for (const seconds of costs.layers) {
      expect(seconds).toBeGreaterThan(1e-7);
      expect(seconds).toBeLessThan(1);
    }
    expect(stages.reduce((total, { share }) => total + share, 0)).toBeCloseTo(1, 12);
  });

  test.each([
    [["--stages", "5"], "planStages: 4 layers cannot fill 5 stages; start at most 4 workers"],
    [["--stages", "0"], '--stages: expected a whole number of at least 1, got "0"'],
    [["--stages", "many"], '--stages: expected a whole number of at least 1, got "many"'],
    [["--measure", "--threads", "0"], '--threads: expected a whole number of at least 1, got "0"'],
  ])("%j is refused", async (flags, message) => {
    const { code, stderr, stdout } = await plan(...flags);
    expect({ code, stderr, stdout }).toEqual({ code: 2, stderr: `stagecoach: ${message}\n`, stdout: "" });
  });
});
