/**
 * @file `/fill-mask` of real processes: what transformers' fill-mask pipeline answers for the same model.
 *
 * Expected values: test/fixtures/pipelines/fill-mask.json, written by tools/oracles/task_pipelines.py (transformers 5.23, torch 2.15,
 * seed 20261126).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE as VECTOR_TOLERANCE } from "../harness/goldenSentences.ts";
import type { ModelCopy } from "../harness/modelFolders.ts";
import { fillMask, modelWithHead, type Filling } from "../harness/pipelineFixtures.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

/** Probabilities, computed in float32 there. */
const TOLERANCE = 1e-5;

let model: ModelCopy;
beforeAll(async () => {
  model = await modelWithHead(fillMask, "BertForMaskedLM");
});
afterAll(() => model[Symbol.dispose]());

const withoutScores = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, each: unknown) => (key === "score" ? undefined : each)));
const scoresOf = (value: unknown): number[] => [value].flat(Infinity).map((each) => (each as Filling).score);

/** Equal but for scores, which are near. */
function expectFillings(given: unknown, expected: unknown): void {
  expect(withoutScores(given)).toEqual(withoutScores(expected));
  const theirs = scoresOf(expected);
  const errors = scoresOf(given).map((score, index) => Math.abs(score - theirs[index]!));
  expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
}

describe.each([1, 2, 3])("a masked-LM in %i stages", (numStages) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ model: model.folder, flags: ["--stages", String(numStages)] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = async (body: object) => {
    const response = await server.post("/fill-mask", body);
    const answer: unknown = await response.json();
    expect({ status: response.status, answer }).toMatchObject({ status: 200 });
    return answer;
  };
  const problem = async (body: object) => {
    const response = await server.post("/fill-mask", body);
    return [response.status, ((await response.json()) as { error: string }).error] as const;
  };
  const cases = fillMask.cases.map(({ request: { inputs, ...options }, answers }) => ({
    named: JSON.stringify({ inputs, ...options }),
    inputs,
    options,
    answers,
  }));

  test.each(cases)("answers as the pipeline: $named", async ({ inputs, options, answers }) => {
    expectFillings(await ask({ inputs, ...options }), answers);
    expectFillings(await ask({ inputs, parameters: options }), answers);
  });

  test("a text in a list, among others of all lengths, has the answer that it has alone", async () => {
    const single = cases[0]!;
    const others = Array.from({ length: 40 }, (_, index) => `${"the ".repeat(index)}[MASK]`);
    const given = (await ask({ inputs: [...others, single.inputs, ...others] })) as Filling[][];
    expect(given).toHaveLength(81);
    expectFillings(given[40], single.answers);
    expectFillings(await ask({ inputs: [single.inputs] }), [single.answers]);
  });

  test("more masks than a micro-batch takes have a list each, as in any other order", async () => {
    const [few, many] = [16, 45].map((count) => `the ${"[MASK] ".repeat(count)}`) as [string, string];
    const [first, second] = (await ask({ inputs: [few, many], top_k: 1 })) as Filling[][][];
    expect([first!.length, second!.length]).toEqual([16, 45]);
    const again = await ask({ inputs: many, top_k: 1 });
    expectFillings(again, second);
  });

  test("all of the vocabulary is asked for, and its probabilities sum to 1", async () => {
    const all = (await ask({ inputs: "the [MASK]", top_k: 1000 })) as Filling[];
    expect(new Set(all.map(({ token }) => token)).size).toBe(200);
    expect(all.map(({ score }) => score)).toEqual(all.map(({ score }) => score).toSorted((a, b) => b - a));
    expect(all.reduce((total, { score }) => total + score, 0)).toBeCloseTo(1, 6);
  });

  test("the vectors of the same model are those of the encoder", async () => {
    const vectors = (await (await server.post("/embed", { inputs: golden.texts })).json()) as number[][];
    const errors = vectors.map((vector, index) => largestError(vector, golden.embeddings[index]!));
    expect(Math.max(...errors)).toBeLessThan(VECTOR_TOLERANCE);
  });

  test("what it cannot fill in is told", async () => {
    const none = "input 1: expected at least one [MASK], got none in it (put it where a token is to be predicted)";
    expect(await problem({ inputs: ["a [MASK]", "a mask"] })).toEqual([422, none]);
    const [status, message] = await problem({ inputs: `${"the ".repeat(100)}[MASK]` });
    expect([status, message]).toEqual([422, expect.stringContaining("got none in the 64 tokens that were kept of it")]);
    expect((await ask({ inputs: `${"the ".repeat(100)}[MASK]`, truncation_direction: "left" })) as []).toHaveLength(5);
    const [long, why] = await problem({ inputs: `${"the ".repeat(100)}[MASK]`, truncate: false });
    expect([long, why]).toEqual([422, expect.stringContaining("input 0: expected at most 64 tokens")]);
    expect(await problem({ inputs: "a [MASK]", targets: ["", " "] })).toEqual([
      422,
      '`targets`: expected texts of the model\'s vocabulary, got [""," "]',
    ]);
    expect(await problem({ inputs: "" })).toEqual([400, "input 0 is empty: expected a text or token ids"]);
    expect(await problem({ inputs: [] })).toEqual([400, "`inputs` cannot be empty: give at least one"]);
    const [tooMany, most] = await problem({ inputs: Array(2).fill("[MASK] ".repeat(60)) as string[], top_k: 1000 });
    expect([tooMany, most]).toEqual([422, expect.stringContaining("expected at most 65 masked tokens together with")]);
    for (const [options, field] of [
      [{ top_k: 0 }, "top_k"],
      [{ top_k: 1001 }, "top_k"],
      [{ targets: "layers" }, "targets"],
      [{ parameters: { targets: [] } }, "parameters.targets"],
    ] as const) {
      const [code, error] = await problem({ inputs: "a [MASK]", ...options });
      expect(code).toBe(422);
      expect(error).toContain(`\`${field}\``);
    }
    expect((await server.post("/fill-mask", { inputs: "a [MASK]", model: "other" })).status).toBe(404);
    expect((await server.post("/answer", { inputs: { question: "a", context: "b" } })).status).toBe(424);
  });
});

test("scores of a vocabulary that is much wider than the model fit the links", async () => {
  // 16 rows of 20,000 scores are 1.3 MB; the hidden rows of the largest micro-batch are 0.07 MB.
  using wide = await modelWithHead(fillMask, "BertForMaskedLM", { vocabSize: 20_000 });
  await using server = await startServer({ model: wide.folder, flags: ["--stages", "2"] });
  const [one] = fillMask.cases.filter(({ request }) => "targets" in request);
  const inputs = [one!.request.inputs, "the [MASK] ".repeat(30)];
  const response = await server.post("/fill-mask", { inputs, targets: ["layers", "workers", "the"] });
  expect(response.status).toBe(200);
  const [alone, many] = (await response.json()) as [Filling[], Filling[][]];
  expect(many.length).toBe(30);
  // The tokens that were added have probabilities too; those of the others keep their ratios.
  const ratio = ([first, second]: readonly Filling[]) => first!.score / second!.score;
  expect(alone.map(({ token }) => token)).toEqual((one!.answers as Filling[]).map(({ token }) => token));
  expect(ratio(alone) / ratio(one!.answers as Filling[])).toBeCloseTo(1, 4);
});

test("a text whose hidden states are given away to the engine's thread has an answer, in the middle of three stages too", async () => {
  // 283 rows of 32 values are 36 KiB; 32 are copied.
  using long = await modelWithHead(fillMask, "BertForMaskedLM", { numPositions: 300 });
  await using server = await startServer({ model: long.folder, flags: ["--stages", "3"] });
  const response = await server.post("/fill-mask", { inputs: `${"the ".repeat(280)}[MASK]` });
  const answer = (await response.json()) as Filling[];
  expect({ status: response.status, answer }).toMatchObject({ status: 200 });
  expect(answer).toHaveLength(5);
});
