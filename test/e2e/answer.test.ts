/**
 * @file `/answer` of real processes: what transformers' question-answering pipeline answers for the same model.
 *
 * Expected values: test/fixtures/pipelines/question-answering.json, written by tools/oracles/task_pipelines.py (transformers 4.57.3,
 * torch 2.15, seed 20261126).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ModelCopy } from "../harness/modelFolders.ts";
import { modelWithHead, questionAnswering, type Answer, type Question } from "../harness/pipelineFixtures.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

/** Probabilities, computed in float32 there. */
const TOLERANCE = 1e-6;

let model: ModelCopy;
beforeAll(async () => {
  model = await modelWithHead(questionAnswering, "BertForQuestionAnswering");
});
afterAll(() => model[Symbol.dispose]());

function expectAnswers(given: Answer | readonly Answer[], expected: Answer | readonly Answer[]): void {
  expect(Array.isArray(given)).toBe(Array.isArray(expected));
  const [ours, theirs] = [[given].flat(), [expected].flat()] as [Answer[], Answer[]];
  const places = (each: Answer) => [each.start, each.end, each.answer];
  expect(ours.map(places)).toEqual(theirs.map(places));
  const worst = Math.max(...ours.map(({ score }, index) => Math.abs(score - theirs[index]!.score)));
  expect(worst).toBeLessThan(TOLERANCE);
}

describe.each([1, 2])("a model that answers questions in %i stages", (numStages) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ model: model.folder, flags: ["--stages", String(numStages)] });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const ask = async (body: object) => {
    const response = await server.post("/answer", body);
    const answer: unknown = await response.json();
    expect({ status: response.status, answer }).toMatchObject({ status: 200 });
    return answer as Answer | Answer[];
  };
  const problem = async (body: object) => {
    const response = await server.post("/answer", body);
    return [response.status, ((await response.json()) as { error: string }).error] as const;
  };
  const cases = questionAnswering.cases.map(({ request: { question, context, ...options }, answers }) => ({
    named: JSON.stringify({ ...options, length: context.length }),
    inputs: { question, context },
    options,
    answers,
  }));

  test.each(cases)("answers as the pipeline: $named", async ({ inputs, options, answers }) => {
    expectAnswers(await ask({ inputs, ...options }), answers);
    expectAnswers(await ask({ inputs, parameters: options }), answers);
  });

  test("several questions have the answers that each has alone", async () => {
    const inputs = [cases[4]!, cases[0]!, cases[4]!].map((each) => each.inputs);
    const given = (await ask({ inputs })) as Answer[];
    expect(given.length).toBe(3);
    for (const [index, answer] of given.entries()) expectAnswers(answer, cases[index === 1 ? 0 : 4]!.answers);
    const listed = (await ask({ inputs: [inputs[1]], top_k: 4 })) as unknown as Answer[][];
    expect(listed.length).toBe(1);
    expectAnswers(listed[0]!, cases[1]!.answers);
  });

  test("start and end are code points, or UTF-16 units", async () => {
    const { inputs, answers } = cases[0]!;
    const { start, end, answer } = answers as Answer;
    // The context has an emoji before the answer: one code point, two units.
    expect(Array.from(inputs.context).slice(start, end).join("")).toBe(answer);
    const given = (await ask({ inputs, offset_unit: "utf16" })) as Answer;
    expect([given.start, given.end]).toEqual([start + 1, end + 1]);
    expect(inputs.context.slice(given.start, given.end)).toBe(answer);
  });

  test("what it cannot answer is told", async () => {
    const inputs: Question = { question: "Who?", context: "the layers of a stage" };
    expect(await problem({ inputs: { ...inputs, context: "" } })).toEqual([
      400,
      "input 0 is empty: expected a text as its context",
    ]);
    expect(await problem({ inputs: [inputs, { ...inputs, question: "" }] })).toEqual([
      400,
      "input 1 is empty: expected a text as its question",
    ]);
    expect(await problem({ inputs: [] })).toEqual([400, "`inputs` cannot be empty: give at least one"]);
    expect(await problem({ inputs: { ...inputs, context: " \n " } })).toEqual([
      422,
      "input 0: expected a context with words, got none in it",
    ]);
    const [status, message] = await problem({ inputs: { question: "the ".repeat(70), context: "of ".repeat(70) } });
    expect(status).toBe(422);
    expect(message).toContain("input 0: expected a question that leaves room for more than 32 tokens of the context");
    expect(await problem({ inputs, max_seq_len: 65 })).toEqual([
      422,
      "`max_seq_len`: expected at most 64 tokens, got 65",
    ]);
    // 60 tokens of the context in each window, 59 of them shared.
    const many = { inputs: { question: "the", context: "of ".repeat(5000) }, doc_stride: 59 };
    const [tooMany, why] = await problem(many);
    expect(tooMany).toBe(422);
    expect(why).toContain("expected contexts of at most 4096 windows together, got 4941");
    for (const [options, field] of [
      [{ top_k: 0 }, "top_k"],
      [{ parameters: { top_k: 1.5 } }, "parameters.top_k"],
      [{ max_answer_len: 0 }, "max_answer_len"],
      [{ offset_unit: "bytes" }, "offset_unit"],
    ] as const) {
      const [code, error] = await problem({ inputs, ...options });
      expect(code).toBe(422);
      expect(error).toContain(`\`${field}\``);
    }
    expect((await server.post("/answer", { inputs, model: "other" })).status).toBe(404);
    expect((await server.post("/fill-mask", { inputs: "a [MASK]" })).status).toBe(424);
    expect((await server.post("/predict", { inputs: "a" })).status).toBe(424);
  });
});
