/**
 * @file `/attention` of real processes: the probabilities that transformers gives for the same texts and pairs.
 *
 * Expected values: test/fixtures/attention/texts.json and texts.safetensors, written by tools/oracles/attention.py.
 */
import { openSafetensors } from "@stagecoach/transformer/node";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { fixtures } from "../harness/paths.ts";
import { fillMask, modelWithHead } from "../harness/pipelineFixtures.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

/** PyTorch's own float32 is 9e-7 away from its float64 here: this model's weights are large, and its scores with them. */
const TOLERANCE = 3e-6;
const [NUM_LAYERS, NUM_HEADS] = [4, 4];

type Case = {
  readonly title: string;
  readonly inputs: string | [string, string];
  readonly ids: number[];
  readonly tokens: string[];
  readonly segments: (0 | 1 | null)[];
  readonly code_points: ([number, number] | null)[];
};
const { cases } = JSON.parse(readFileSync(`${fixtures}attention/texts.json`, "utf8")) as { cases: Case[] };

type Token = { id: number; text: string; token: string; special: boolean; start: number; stop: number; input: number };
type Answer = {
  readonly tokens: readonly Token[];
  readonly heads: readonly number[];
  readonly truncated: boolean;
  readonly layers: readonly { readonly layer: number; readonly probabilities: number[][][] | string }[];
};

/** `[layers, heads, L, L]` of each case. */
const golden: Float32Array[] = [];
beforeAll(async () => {
  await using file = await openSafetensors(`${fixtures}attention/texts.safetensors`);
  for (const index of cases.keys()) golden.push(await file.readFloat32(String(index)));
});

const attend = async (server: TestServer, body: object): Promise<Answer> => {
  const response = await server.post("/attention", body);
  const answer: unknown = await response.json();
  expect({ status: response.status, answer }).toMatchObject({ status: 200 });
  return answer as Answer;
};
const valuesOf = ({ layers }: Answer) => layers.flatMap(({ probabilities }) => (probabilities as number[][][]).flat(2));
const bytesOf = ({ layers }: Answer) =>
  Buffer.concat(layers.map(({ probabilities }) => Buffer.from(probabilities as string, "base64")));

/** @param server - one of the tiny encoder, once tests run */
function goldenCases(server: () => TestServer): void {
  test.each(cases.map((each, index) => ({ ...each, index })))(
    "of $title: tokens and probabilities are transformers'",
    async ({ inputs, index, ...expected }) => {
      const answer = await attend(server(), { inputs });
      expect(answer).toMatchObject({ num_layers: NUM_LAYERS, num_heads: NUM_HEADS, truncated: false });
      expect(answer.tokens.map(({ id }) => id)).toEqual(expected.ids);
      expect(answer.tokens.map(({ token }) => token)).toEqual(expected.tokens);
      expect(answer.tokens.map(({ input }) => input)).toEqual(expected.segments);
      expect(answer.tokens.map(({ special }) => special)).toEqual(expected.segments.map((each) => each === null));
      for (const [place, { start, stop, text, token }] of answer.tokens.entries()) {
        const points = expected.code_points[place];
        const whole = [inputs].flat()[expected.segments[place] ?? 0]!;
        const piece = points
          ? Array.from(whole)
              .slice(...points)
              .join("")
          : token;
        const ofBytes = points ? Buffer.from(whole).subarray(start, stop).toString() : token;
        expect([text, ofBytes]).toEqual([piece, piece]);
      }
      expect(largestError(valuesOf(answer), golden[index]!)).toBeLessThan(TOLERANCE);
    },
  );
}

/** As above. */
function refusals(server: () => TestServer): void {
  const problem = async (body: object) => {
    const response = await server().post("/attention", body);
    return [response.status, ((await response.json()) as { error: string }).error] as const;
  };

  test.each([
    [{ layers: [4] }, /^`layers`: expected numbers from 0 to 3, each once, got \[4\] \(the model has 4 layers\)/],
    [{ layers: [1, 1] }, /^`layers`: expected numbers from 0 to 3, each once, got \[1,1\]/],
    [{ heads: [-1] }, /^`heads`: expected numbers from 0 to 3/],
    [{ layers: [0.5] }, /^`layers\.0`/],
    [{ layers: [] }, /^`layers`/],
    [{ layers: 1 }, /^`layers`/],
    [{ encoding: "int8" }, /^`encoding`/],
    [{ inputs: ["a"] }, /^`inputs/],
    [{ inputs: ["a", "b", "c"] }, /^`inputs/],
    [{ inputs: 5 }, /^`inputs`: expected a string or a pair of strings/],
    [{ inputs: "the ".repeat(70), truncate: false }, /^`inputs`: expected at most 64 tokens, got more \(shorten it/],
  ] as const)("%j is refused", async (body, message) => {
    expect(await problem({ inputs: "the layers", ...body })).toEqual([422, expect.stringMatching(message)]);
  });

  test("an empty text and a model that is not there are refused as everywhere", async () => {
    expect((await problem({ inputs: "" }))[0]).toBe(400);
    expect((await problem({ inputs: "a", model: "other" }))[0]).toBe(404);
  });

  test("what is too long is cut where it may be, at the end that is named", async () => {
    const inputs = `workers ${"the ".repeat(70)}layers`;
    const right = await attend(server(), { inputs, truncate: true, layers: [0], heads: [0] });
    const left = await attend(server(), { inputs, truncation_direction: "left", layers: [0], heads: [0] });
    expect([right.truncated, right.tokens.length, left.tokens.length]).toEqual([true, 64, 64]);
    expect([right.tokens[1]!.text, left.tokens[62]!.text]).toEqual(["workers", "layers"]);
  });
}

/** What one stage has given for the first case. */
let ofOneStage: Buffer | null = null;

describe.each([1, 2, 4])("attention in %i stages", (numStages) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ flags: ["--stages", String(numStages)] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  goldenCases(() => server);
  if (numStages === 2) refusals(() => server);

  test("however many stages there are, the bytes are the same", async () => {
    const bytes = bytesOf(await attend(server, { inputs: cases[0]!.inputs, encoding: "base64" }));
    expect(largestError(new Float32Array(new Uint8Array(bytes).buffer), golden[0]!)).toBeLessThan(TOLERANCE);
    ofOneStage ??= bytes;
    expect(bytes.equals(ofOneStage)).toBe(true);
  });

  test("some layers and heads are those of the whole, and other routes answer as before", async () => {
    const { inputs } = cases[1]!;
    const all = await attend(server, { inputs });
    const before = await (await server.post("/embed", { inputs })).json();
    const some = await attend(server, { inputs, layers: [3, 1], heads: [2, 0] });
    expect(some.heads).toEqual([0, 2]);
    expect(some.layers.map(({ layer }) => layer)).toEqual([1, 3]);
    for (const { layer, probabilities } of some.layers) {
      const ofLayer = all.layers[layer]!.probabilities as number[][][];
      expect(probabilities).toEqual([ofLayer[0], ofLayer[2]]);
    }
    const small = bytesOf(await attend(server, { inputs, encoding: "uint8" }));
    expect([...small]).toEqual(valuesOf(all).map((value) => Math.round(255 * value)));
    expect(await (await server.post("/embed", { inputs })).json()).toEqual(before);
  });
});

describe("attention on tfjs-wasm in 2 stages", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ flags: ["--engine", "tfjs-wasm", "--stages", "2"] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  goldenCases(() => server);
});

test("a text of 512 tokens takes several micro-batches, more than an answer holds is refused, and more tokens are cut", async () => {
  using long = await modelWithHead(fillMask, "BertForMaskedLM", { numPositions: 600 });
  await using server = await startServer({ model: long.folder, flags: ["--stages", "2"] });
  const inputs = "the ".repeat(700);
  const [status, error] = await server
    .post("/attention", { inputs })
    .then(async (response) => [response.status, ((await response.json()) as { error: string }).error]);
  expect([status, error]).toEqual([
    422,
    "`inputs`: expected at most 524288 probabilities in an answer, got 4194304: 4 layers of 4 heads for 512 tokens " +
      '(ask for fewer layers or heads at a time, or for the encoding "base64" or "uint8")',
  ]);
  // 4 heads of 1 MiB fit a micro-batch; each row is a distribution.
  const answer = await attend(server, { inputs, encoding: "base64", layers: [1, 2] });
  expect(answer.tokens).toHaveLength(512);
  const values = new Float32Array(new Uint8Array(bytesOf(answer)).buffer);
  expect(values).toHaveLength(2 * NUM_HEADS * 512 ** 2);
  const rows = Array.from({ length: values.length / 512 }, (_, row) =>
    values.subarray(row * 512, (row + 1) * 512).reduce((a, b) => a + b, 0),
  );
  expect(Math.max(...rows.map((sum) => Math.abs(sum - 1)))).toBeLessThan(1e-5);
  const one = await attend(server, { inputs, encoding: "base64", layers: [2], heads: [3] });
  const start = (NUM_HEADS + 3) * 512 ** 2 * 4;
  expect(bytesOf(one).equals(bytesOf(answer).subarray(start, start + 512 ** 2 * 4))).toBe(true);
  // All of it as bytes, while the gateway answers its workers' heartbeats.
  const small = bytesOf(await attend(server, { inputs, encoding: "uint8" }));
  expect([small.length, small[start / 4 + NUM_HEADS * 512 ** 2]]).toEqual([
    NUM_LAYERS * NUM_HEADS * 512 ** 2,
    Math.round(255 * values[start / 4]!),
  ]);
  expect(server.log()).not.toContain("worker lost");
});
