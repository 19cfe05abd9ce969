/** @file `/v1/fine_tuning/jobs` as OpenAI's clients see it; what trains is made up (test/harness/startJobApp.ts). */
import OpenAI, { BadRequestError, ConflictError, NotFoundError, toFile } from "openai";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { misfits, resolveRef, type Schema } from "../harness/jsonSchema.ts";
import { startJobApp, type JobApp } from "../harness/startJobApp.ts";
import { eventually } from "../harness/eventually.ts";

const LINE = '{"text":"a","label":"b"}\n';

let app: JobApp;
let client: OpenAI;
beforeEach(async () => {
  app = await startJobApp();
  client = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: "unused", maxRetries: 0 });
});
afterEach(() => app[Symbol.asyncDispose]());

const upload = async (text = LINE, name = "train.jsonl") =>
  client.files.create({ file: await toFile(Buffer.from(text), name), purpose: "fine-tune" });
const create = async (extra: object = {}) =>
  client.fineTuning.jobs.create({ model: "org/tiny", training_file: (await upload()).id, ...extra });
const trainer = (number = 1) => app.test.runner.started(number);
const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { message: string; type: string; param: string | null; code: string | null } })
    .error;

describe("/v1/fine_tuning/jobs", () => {
  test("a job's timeline is there once a step was measured, and stays after the job's end", async () => {
    const { id } = await create();
    const path = `/v1/fine_tuning/jobs/${id}/timeline`;
    const training = await trainer();
    const early = await app.get(path);
    expect([early.status, await early.json()]).toEqual([
      200,
      { object: "fine_tuning.job.timeline", job_id: id, last_step: null },
    ]);
    const passes = [
      { kind: "forward", microBatch: 0, startMs: 3, endMs: 5 },
      { kind: "backward", microBatch: 0, startMs: 5, endMs: 9 },
      { kind: "update", microBatch: null, startMs: 10, endMs: 11 },
    ] as const;
    for (const step of [1, 2]) await training.tell({ type: "timeline", step, schedule: "gpipe", stages: [passes] });
    const passesMs: unknown = expect.closeTo(6, 6);
    training.succeed();
    await app.test.reaching(id, "succeeded");
    expect(await (await app.get(path)).json()).toMatchObject({
      object: "fine_tuning.job.timeline",
      job_id: id,
      last_step: {
        step: 2,
        num_micro_batches: 1,
        measured: {
          bubble_share: 0,
          passes_ms: passesMs,
          stages: [[{ start_ms: 0, end_ms: 2 }, {}, { micro_batch: null }]],
        },
        ideal: { bubble_share: 0, passes_ms: passesMs },
      },
    });
  });

  test("a job from its creation to its model, as openai's client sees it", async () => {
    const job = await create({ suffix: "topics", metadata: { team: "a" }, seed: 7 });
    expect(job).toEqual({
      object: "fine_tuning.job",
      id: expect.stringMatching(/^ftjob-\w{24}$/) as string,
      created_at: job.created_at,
      model: "org/tiny",
      organization_id: "org-stagecoach",
      status: "queued",
      training_file: job.training_file,
      validation_file: null,
      hyperparameters: { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" },
      method: {
        type: "supervised",
        supervised: { hyperparameters: { n_epochs: "auto", batch_size: "auto", learning_rate_multiplier: "auto" } },
      },
      fine_tuned_model: null,
      started_at: null,
      finished_at: null,
      estimated_finish: null,
      trained_tokens: null,
      result_files: [],
      seed: 7,
      integrations: [],
      error: null,
      metadata: { team: "a" },
    });
    const training = await trainer();
    expect((await client.fineTuning.jobs.retrieve(job.id)).status).toBe("running");
    await training.progress(1, { secondsLeft: 100 });
    const finish = (await client.fineTuning.jobs.retrieve(job.id)).estimated_finish!;
    expect(Math.abs(finish - Date.now() / 1000 - 100)).toBeLessThan(30);
    await training.tell({ type: "metrics", step: 1, totalSteps: 9, metrics: { train_loss: 0.5 } });
    await training.checkpoint(1);
    await training.checkpoint(2);
    training.succeed();
    const done = await eventually(async () => {
      const now = await client.fineTuning.jobs.retrieve(job.id);
      expect(now.status).toBe("succeeded");
      return now;
    });
    expect(done).toMatchObject({ trained_tokens: 1000, estimated_finish: null, error: null });
    expect(done.fine_tuned_model).toMatch(/^ft:tiny:stagecoach:topics:\w{8}$/);
    expect(await (await client.files.content(done.result_files[0]!)).text()).toBe(
      "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,0.5,,,\n",
    );

    const checkpoints = (await client.fineTuning.jobs.checkpoints.list(job.id)).data;
    expect(checkpoints.map(({ step_number }) => step_number)).toEqual([2, 1]);
    expect(checkpoints[0]).toMatchObject({
      object: "fine_tuning.job.checkpoint",
      fine_tuned_model_checkpoint: `${done.fine_tuned_model}:ckpt-step-2`,
      fine_tuning_job_id: job.id,
      metrics: { step: 2, train_loss: 0.5, checkpoint_bytes: 1000, checkpoint_seconds: 0.5 },
    });
    const events = (await client.fineTuning.jobs.listEvents(job.id, { limit: 100 })).data;
    expect(events.map(({ message }) => message).toReversed()).toEqual([
      `Created fine-tuning job: ${job.id}`,
      "Fine-tuning job started",
      "Step 1/9: training loss=0.5",
      `New fine-tuned model created: ${done.fine_tuned_model}`,
      "The job has successfully completed",
    ]);
    expect(events[2]).toMatchObject({
      object: "fine_tuning.job.event",
      level: "info",
      type: "metrics",
      data: { step: 1, train_loss: 0.5 },
    });

    const model = await client.models.retrieve(done.fine_tuned_model!);
    expect(model).toEqual({
      id: done.fine_tuned_model,
      object: "model",
      created: done.finished_at,
      owned_by: "stagecoach",
      // The runner of this test writes no model.
      stagecoach: { problem: expect.stringMatching(/^config\.json: "model_type"/) as string },
    });
    const next = await create({ model: model.id });
    await expect(client.models.delete(model.id)).rejects.toThrow(ConflictError);
    await client.fineTuning.jobs.cancel(next.id);
    expect(await client.models.delete(model.id)).toEqual({ id: model.id, object: "model", deleted: true });
    await expect(client.models.delete(model.id)).rejects.toThrow(NotFoundError);
  });

  test("what a trainer has resolved stands where it was left to it", async () => {
    const supervised = {
      task: "sequence-classification",
      stages: 2,
      schedule: "1f1b",
      hyperparameters: { learning_rate: 0.001 },
    };
    const job = await create({ method: { type: "supervised", supervised } });
    await (await trainer()).tell({ type: "resolved", method: { hyperparameters: { n_epochs: 3, batch_size: 16 } } });
    const { hyperparameters, method } = await client.fineTuning.jobs.retrieve(job.id);
    expect(hyperparameters).toEqual({ n_epochs: 3, batch_size: 16, learning_rate_multiplier: "auto" });
    expect(method!.supervised).toMatchObject({ ...supervised, hyperparameters: { learning_rate: 0.001, n_epochs: 3 } });
  });

  test("openai's former place for hyper-parameters, and nulls, are taken", async () => {
    const job = await create({
      hyperparameters: { n_epochs: 3 },
      suffix: null,
      seed: null,
      validation_file: null,
      metadata: null,
      method: null,
      integrations: null,
    });
    expect(job).toMatchObject({ hyperparameters: { n_epochs: 3 }, seed: 42, metadata: null });
  });

  test("jobs are listed with the newest first, in pages, and by metadata", async () => {
    const ids: string[] = [];
    for (const team of ["a", "b", "a", null]) ids.push((await create(team === null ? {} : { metadata: { team } })).id);
    const listed: string[] = [];
    for await (const { id } of client.fineTuning.jobs.list({ limit: 3 })) listed.push(id);
    expect(listed).toEqual(ids.toReversed());
    const ofTeam: string[] = [];
    for await (const { id } of client.fineTuning.jobs.list({ limit: 1, metadata: { team: "a" } })) ofTeam.push(id);
    expect(ofTeam).toEqual([ids[2], ids[0]]);
    const none = (await (await app.get("/v1/fine_tuning/jobs?metadata=null")).json()) as { data: { id: string }[] };
    expect(none.data.map(({ id }) => id)).toEqual([ids[3]]);
  });

  test("events are listed in pages that openai's client follows", async () => {
    const { id } = await create();
    for (const number of [1, 2, 3])
      await (await trainer()).tell({ type: "message", level: "info", message: `${number}` });
    const listed: string[] = [];
    for await (const { message } of client.fineTuning.jobs.listEvents(id, { limit: 2 })) listed.push(message);
    expect(listed.slice(0, 3)).toEqual(["3", "2", "1"]);
    expect(listed.length).toBe(5);
  });

  test("cancel answers with a cancelled job; a second one is a 400 that says so", async () => {
    const { id } = await create();
    expect((await client.fineTuning.jobs.cancel(id)).status).toBe("cancelled");
    const again = client.fineTuning.jobs.cancel(id);
    await expect(again).rejects.toThrow(BadRequestError);
    await expect(again).rejects.toMatchObject({
      code: "wrong_state",
      message: expect.stringContaining("is cancelled") as string,
    });
  });

  test("pause and resume answer with the job", async () => {
    const { id } = await create();
    await trainer();
    expect((await client.fineTuning.jobs.pause(id)).status as string).toBe("paused");
    expect((await client.fineTuning.jobs.resume(id)).status).toBe("queued");
    expect((await trainer(2)).job.attempt).toBe(2);
  });

  test("a job that has failed says why in OpenAI's form", async () => {
    const { id } = await create();
    const error = { code: "invalid_training_file", message: "line 3", param: "training_file" };
    (await trainer()).fail(error);
    await eventually(async () => expect((await client.fineTuning.jobs.retrieve(id)).error).toEqual(error));
  });

  describe("refuses", () => {
    const supervised = (given: object) => ({ method: { type: "supervised", supervised: given } });
    const hyper = (given: object) => supervised({ hyperparameters: given });
    const HYPER = "method.supervised.hyperparameters";
    const cases: [what: string, extra: object, expected: [field: string | null, message: RegExp]][] = [
      ["no model", { model: undefined }, ["model", /expected string/]],
      ["no file", { training_file: undefined }, ["training_file", /expected string/]],
      [
        "a file that is not there",
        { training_file: "file-x" },
        ["training_file", /expected the id of an uploaded file, got "file-x"/],
      ],
      ["a validation file that is not there", { validation_file: "file-x" }, ["validation_file", /got "file-x"/]],
      ["an unknown field", { epochs: 3 }, [null, /unknown "epochs"; known are model, training_file/]],
      ["a mistyped field", { sufix: "a" }, [null, /unknown "sufix" \(did you mean "suffix"\?\)/]],
      ["a mistyped hyper-parameter", hyper({ learning_rat: 1 }), [HYPER, /did you mean "learning_rate"/]],
      ["a mistyped key of the method", supervised({ stage: 2 }), ["method.supervised", /did you mean "stages"/]],
      [
        "a mistyped column",
        supervised({ columns: { txt: "a" } }),
        ["method.supervised.columns", /did you mean "text"/],
      ],
      ["another method", { method: { type: "dpo" } }, ["method.type", /expected "supervised"/]],
      ["an unknown task", supervised({ task: "translation" }), ["method.supervised.task", /"sequence-classification"/]],
      [
        "an unknown schedule",
        supervised({ schedule: "1b1f" }),
        ["method.supervised.schedule", /"gpipe"\|"1f1b"\|"eager-1f1b"/],
      ],
      ["a word for a new head", supervised({ replace_head: "yes" }), ["method.supervised.replace_head", /boolean/]],
      ["no stages", supervised({ stages: 0 }), ["method.supervised.stages", />=1/]],
      ["a learning rate of 0", hyper({ learning_rate: 0 }), [`${HYPER}.learning_rate`, /above 0/]],
      ["a learning rate of 10", hyper({ learning_rate: 10 }), [`${HYPER}.learning_rate`, /at most 1/]],
      ["a learning rate of a word", hyper({ learning_rate: "high" }), [`${HYPER}.learning_rate`, /expected a number/]],
      [
        "two learning rates",
        hyper({ learning_rate: 0.1, learning_rate_multiplier: 2 }),
        [`${HYPER}.learning_rate`, /got both/],
      ],
      ["two warm-ups", hyper({ warmup_ratio: 0.1, warmup_steps: 2 }), [`${HYPER}.warmup_ratio`, /got both/]],
      ["no epochs", hyper({ n_epochs: 0 }), [`${HYPER}.n_epochs`, />=1/]],
      ["a batch of halves", hyper({ batch_size: 1.5 }), [`${HYPER}.batch_size`, /"auto" or a whole number/]],
      ["all dropped", hyper({ dropout: 1 }), [`${HYPER}.dropout`, /<1/]],
      [
        "shares that leave nothing to train on",
        hyper({ validation_split: 0.5, test_split: 0.5 }),
        [`${HYPER}.test_split`, /less than 1/],
      ],
      [
        "a threshold without patience",
        hyper({ early_stopping_threshold: 0.1 }),
        [`${HYPER}.early_stopping_threshold`, /patience/],
      ],
      [
        "a share for validation beside a validation file",
        { validation_file: "file-x", ...hyper({ validation_split: 0.1 }) },
        [`${HYPER}.validation_split`, /says nothing beside a file to validate on/],
      ],
      ["hyper-parameters in two places", { hyperparameters: {}, ...hyper({}) }, ["hyperparameters", /got both/]],
      ["two seeds", { seed: 1, ...hyper({ seed: 2 }) }, ["seed", /got 1 and 2/]],
      ["a suffix with a slash", { suffix: "a/b" }, ["suffix", /letters, digits/]],
      ["a long suffix", { suffix: "a".repeat(65) }, ["suffix", /1 to 64/]],
      [
        "seventeen entries of metadata",
        { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`${i}`, ""])) },
        ["metadata", /at most 16/],
      ],
      [
        "an integration",
        { integrations: [{ type: "wandb", wandb: { project: "p" } }] },
        ["integrations", /no integrations/],
      ],
      [
        "10,001 labels",
        supervised({ head: { labels: Array.from({ length: 10_001 }, (_, i) => `${i}`) } }),
        ["method.supervised.head.labels", /<=10000/],
      ],
    ];
    test.each(cases)("%s with a 400 that names the field", async (_, extra, [param, message]) => {
      const { id: training_file } = await upload();
      const response = await app.post("/v1/fine_tuning/jobs", { model: "org/tiny", training_file, ...extra });
      expect(response.status).toBe(400);
      const error = await errorOf(response);
      expect(error.message).toMatch(message);
      expect(error).toMatchObject({ param, type: "invalid_request_error" });
      expect((await client.fineTuning.jobs.list()).data).toEqual([]);
    });

    test("a model that does not exist, with a 404", async () => {
      const creation = create({ model: "nobody" });
      await expect(creation).rejects.toThrow(NotFoundError);
      await expect(creation).rejects.toMatchObject({ code: "model_not_found", param: "model" });
    });

    test("a file with another purpose, with a 400", async () => {
      const { id } = await client.files.create({ file: await toFile(Buffer.from("a"), "a"), purpose: "evals" });
      await expect(create({ training_file: id })).rejects.toThrow(/expected a file with the purpose "fine-tune"/);
    });

    test.each([
      ["get", ""],
      ["post", "/cancel"],
      ["post", "/pause"],
      ["post", "/resume"],
      ["get", "/events"],
      ["get", "/events?stream=true"],
      ["get", "/checkpoints"],
    ] as const)("%s of a job that is not there%s, with a 404", async (method, path) => {
      const response = await fetch(`${app.url}/v1/fine_tuning/jobs/ftjob-x${path}`, { method });
      expect(response.status).toBe(404);
      expect(await errorOf(response)).toMatchObject({
        code: "not_found",
        message: "Could not find fine tune: ftjob-x",
      });
    });

    test("a method that a path does not have, with a 405", async () => {
      const response = await fetch(`${app.url}/v1/files`, { method: "PUT" });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST, GET, HEAD"]);
    });
  });
});

type Message = { readonly id?: string; readonly event?: string; readonly data: Readonly<Record<string, unknown>> };

/** Messages of an event stream as they come. */
async function* messagesOf(response: Response): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body!) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = rest.split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      if (fields["data"] !== undefined) yield { ...fields, data: JSON.parse(fields["data"]) as Message["data"] };
    }
  }
}

describe("a stream of events", () => {
  const open = (id: string, headers: Record<string, string> = { accept: "text/event-stream" }) =>
    app.get(`/v1/fine_tuning/jobs/${id}/events`, headers);
  const next = async (messages: AsyncGenerator<Message>) => (await messages.next()).value as Message;

  test("begins at the beginning, goes on as things happen, and ends with the job", async () => {
    const { id } = await create();
    const training = await trainer();
    const response = await open(id);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const messages = messagesOf(response);
    const first = await next(messages);
    expect(first.data).toMatchObject({
      object: "fine_tuning.job.event",
      id: first.id,
      message: `Created fine-tuning job: ${id}`,
    });
    expect((await next(messages)).data["message"]).toBe("Fine-tuning job started");
    await training.tell({ type: "metrics", step: 1, metrics: { train_loss: 0.5 } });
    expect((await next(messages)).data).toMatchObject({ type: "metrics", data: { step: 1, train_loss: 0.5 } });
    await training.progress(2, { secondsLeft: 5, trainedTokens: 3, metrics: { train_loss: 0.4 } });
    const progress = await next(messages);
    expect(progress).toEqual({
      event: "progress",
      data: { step: 2, total_steps: 9, seconds_left: 5, trained_tokens: 3, metrics: { train_loss: 0.4 } },
    });
    training.succeed();
    const rest: Message[] = [];
    for await (const message of messages) rest.push(message);
    expect(rest.map(({ event, data }) => event ?? data["message"])).toEqual([
      expect.stringContaining("New fine-tuned model created"),
      "The job has successfully completed",
      "end",
    ]);
    expect(rest[2]!.data).toMatchObject({ object: "fine_tuning.job", id, status: "succeeded" });
  });

  test("goes on after Last-Event-ID, and does not begin again once all was told", async () => {
    const { id } = await create();
    await trainer();
    await client.fineTuning.jobs.cancel(id);
    const all: Message[] = [];
    for await (const message of messagesOf(await open(id))) all.push(message);
    expect(all.map(({ event, data }) => event ?? data["message"])).toEqual([
      `Created fine-tuning job: ${id}`,
      "Fine-tuning job started",
      "Fine-tuning job cancelled",
      "end",
    ]);
    const resumed: Message[] = [];
    const headers = { accept: "text/event-stream", "last-event-id": all[0]!.id! };
    for await (const message of messagesOf(await open(id, headers))) resumed.push(message);
    expect(resumed).toEqual(all.slice(1));
    expect((await open(id, { ...headers, "last-event-id": all[2]!.id! })).status).toBe(204);
    expect((await open(id, { ...headers, "last-event-id": "ftevent-x" })).status).toBe(400);
  });

  test("?stream=true is one as well, ?stream=false is a list whatever is accepted", async () => {
    const { id } = await create();
    const streamed = await app.get(`/v1/fine_tuning/jobs/${id}/events?stream=true`);
    expect(streamed.headers.get("content-type")).toMatch(/^text\/event-stream/);
    await streamed.body!.cancel();
    const listed = await app.get(`/v1/fine_tuning/jobs/${id}/events?stream=false`, { accept: "text/event-stream" });
    expect(await listed.json()).toMatchObject({ object: "list" });
  });

  test("brings more events than a page, each once and in order", async () => {
    const { id } = await create();
    const training = await trainer();
    for (let index = 0; index < 250; index++)
      await training.tell({ type: "message", level: "info", message: `${index}` });
    const messages = messagesOf(await open(id));
    for (const _ of [1, 2]) await messages.next();
    for (let index = 0; index < 250; index++) expect((await next(messages)).data["message"]).toBe(`${index}`);
    await training.tell({ type: "message", level: "info", message: "last" });
    expect((await next(messages)).data["message"]).toBe("last");
    await messages.return(undefined);
  });

  test("ends when the server stops", async () => {
    const { id } = await create();
    await trainer();
    const messages = messagesOf(await open(id));
    for (const _ of [1, 2]) await messages.next();
    await app.lazy.close();
    expect((await messages.next()).done).toBe(true);
    const refused = await app.get(`/v1/fine_tuning/jobs/${id}`);
    expect([refused.status, (await errorOf(refused)).code]).toEqual([503, "jobs_unavailable"]);
    await app.test.open();
  });
});

describe("around them", () => {
  test("metrics count jobs and files, and have the numbers of running jobs", async () => {
    const { id } = await create();
    await create();
    const training = await trainer();
    await training.checkpoint(2);
    await training.tell({ type: "metrics", step: 3, metrics: { train_loss: 0.5, learning_rate: 0.1 } });
    await training.tell({ type: "metrics", step: 3, metrics: { valid_loss: 0.25, valid_f1: 0.75 } });
    const seconds = { forward: 1, backward: 2, waiting: 0.5, other: 0.25 };
    for (const step of [4, 5]) await training.progress(step, { stages: [seconds, { ...seconds, waiting: 0 }] });
    await training.progress(5, { isReplayed: true });
    const scrape = async () => (await app.get("/metrics")).text();
    const text = await scrape();
    for (const line of [
      'stagecoach_jobs{status="running"} 1',
      'stagecoach_jobs{status="queued"} 1',
      'stagecoach_jobs{status="paused"} 0',
      "stagecoach_files 2",
      `stagecoach_files_bytes ${2 * LINE.length}`,
      `stagecoach_job_train_loss{job="${id}"} 0.5`,
      `stagecoach_job_step{job="${id}"} 5`,
      "stagecoach_job_replayed_steps_total 1",
      `stagecoach_job_stage_seconds_total{job="${id}",stage="0",phase="waiting"} 1`,
      `stagecoach_job_stage_seconds_total{job="${id}",stage="1",phase="backward"} 4`,
      `stagecoach_job_valid_loss{job="${id}"} 0.25`,
      `stagecoach_job_checkpoint_bytes{job="${id}"} 1000`,
      `stagecoach_job_evaluation{job="${id}",metric="f1"} 0.75`,
    ])
      expect(text.split("\n")).toContain(line);
    training.succeed();
    await trainer(2);
    expect(await scrape()).not.toContain(id);
  });

  test("every route needs the key, where there is one", async () => {
    await using locked = await startJobApp({ apiKey: ["secret"] });
    for (const path of ["/v1/files", "/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs/a/events"]) {
      expect((await locked.get(path)).status).toBe(401);
      expect((await locked.get(path, { authorization: "Bearer secret" })).status).not.toBe(401);
    }
    expect((await fetch(`${locked.url}/v1/models/a`, { method: "DELETE" })).status).toBe(401);
  });

  test("the OpenAPI document has them, and what they answer fits it", async () => {
    type Operation = {
      parameters?: { name: string; in: string }[];
      requestBody?: { content: Record<string, { schema: Schema }> };
      responses: Record<string, { content?: { "application/json": { schema: Schema } } }>;
    };
    const document = (await (await app.get("/openapi.json")).json()) as {
      paths: Record<string, Record<string, Operation>>;
    };
    const job = await create({ validation_file: (await upload("x")).id, metadata: { a: "b" } });
    const training = await trainer();
    await training.tell({ type: "metrics", step: 1, metrics: { train_loss: 0.5 } });
    await training.checkpoint(1);
    const one = "/v1/fine_tuning/jobs/{fine_tuning_job_id}";
    for (const [template, path] of [
      ["/v1/files", "/v1/files"],
      ["/v1/files/{file_id}", `/v1/files/${job.training_file}`],
      ["/v1/files/{file_id}", "/v1/files/file-x"],
      ["/v1/fine_tuning/jobs", "/v1/fine_tuning/jobs"],
      [one, `/v1/fine_tuning/jobs/${job.id}`],
      [`${one}/events`, `/v1/fine_tuning/jobs/${job.id}/events`],
      [`${one}/checkpoints`, `/v1/fine_tuning/jobs/${job.id}/checkpoints`],
      [`${one}/checkpoints`, `/v1/fine_tuning/jobs/${job.id}/checkpoints?limit=0`],
    ] as const) {
      const response = await app.get(path);
      const documented = document.paths[template]!["get"]!.responses[response.status];
      expect(documented, `${path} ${response.status}`).toBeDefined();
      expect(misfits(await response.json(), documented!.content!["application/json"].schema, document)).toEqual([]);
    }
    const parameters = document.paths[`${one}/events`]!["get"]!.parameters!.map(({ name }) => name);
    expect(parameters.toSorted()).toEqual(["after", "fine_tuning_job_id", "limit", "stream"]);
    const { schema } = document.paths["/v1/fine_tuning/jobs"]!["post"]!.requestBody!.content["application/json"]!;
    const request = resolveRef(document, schema["$ref"] as string);
    expect(request["additionalProperties"]).toBe(false);
    expect(request["required"]).toEqual(["model", "training_file"]);
    const method = resolveRef(document, "#/components/schemas/SupervisedMethod")["properties"] as Record<
      string,
      Schema
    >;
    expect(method["replace_head"]).toMatchObject({
      type: "boolean",
      description: expect.stringContaining("new head") as string,
    });
    expect(document.paths["/v1/files"]!["post"]!.requestBody!.content).toHaveProperty("multipart/form-data");
    expect(Object.keys(document.paths["/v1/models/{model}"]!)).toEqual(["get", "delete"]);
  });
});
