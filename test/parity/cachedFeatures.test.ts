/**
 * @file A head trained on features that a frozen encoder gave once: the losses and weights of the run that computes them in every step.
 */
import { openSafetensors } from "@stagecoach/transformer/node";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, describe, expect, test } from "vitest";
import type { Hyperparameters } from "../../apps/server/src/jobs/hyperparameters.ts";
import { workerPipelines } from "../../apps/server/src/training/openTrainingPipeline.ts";
import type { OpenPipeline } from "../../apps/server/src/training/pipelineRequest.ts";
import { runTrainingJob, type JobEvent } from "../../apps/server/src/training/runJob.ts";
import { trainingSettingsSchema } from "../../apps/server/src/training/trainingSettings.ts";
import { largestError } from "../golden/compareEncoder.ts";
import { copyModel, editJson } from "../harness/modelFolders.ts";
import { failingPipelines } from "../harness/failingPipeline.ts";
import { openLocalPipeline } from "../harness/openLocalPipeline.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { writeToy, type ToyName } from "../harness/toyTasks.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-features-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Options = {
  readonly model?: string;
  readonly stages?: number;
  readonly openPipeline?: OpenPipeline;
  readonly pauseAfter?: number;
  readonly hyperparameters?: Hyperparameters;
};

const withoutDropout = { dropout: 0, attention_dropout: 0 };
const cached = { cache_features: true };

async function train(name: string, toy: ToyName, options: Options) {
  const { model = tinyEncoder, stages = 1, openPipeline = openLocalPipeline, pauseAfter, hyperparameters } = options;
  const data = join(scratch, `${toy}.jsonl`);
  writeToy(data, toy, 24);
  const folder = join(scratch, name);
  const stopping = new AbortController();
  const events: JobEvent[] = [];
  const settings = trainingSettingsSchema.parse({
    model,
    replace_head: true,
    data: { path: data },
    evaluation_data: { path: data },
    stages,
    threads: 1,
    hyperparameters: {
      n_epochs: 3,
      batch_size: 8,
      learning_rate: 0.01,
      warmup_steps: 0,
      // Some biases have a gradient of 0 but for rounding, which Adam would make a whole step of.
      adam_epsilon: 1e-3,
      freeze: ["base_model"],
      ...hyperparameters,
    },
  });
  const onEvent = (event: JobEvent) => {
    events.push(event);
    if (event.type === "step" && event.step === pauseAfter) stopping.abort("pause");
  };
  const result = await runTrainingJob(settings, { folder, openPipeline, onEvent, signal: stopping.signal });
  const steps = events.flatMap((event) => (event.type === "step" ? [event.loss, event.gradientNorm] : []));
  const evaluations = events.flatMap((event) => (event.type === "evaluation" ? [event.evaluation.metrics] : []));
  return { folder, result, events, steps, evaluations };
}

async function weightsOf(folder: string): Promise<ReadonlyMap<string, Float32Array>> {
  await using file = await openSafetensors(join(folder, "model"));
  return new Map(await Promise.all(file.names().map(async (name) => [name, await file.readFloat32(name)] as const)));
}

const modelBytes = (folder: string) => readFileSync(join(folder, "model", "model.safetensors"));

/** The tiny encoder's tokenizer, and a model of another family from scratch. */
function fromScratch(config: Readonly<Record<string, unknown>>) {
  const copy = copyModel((folder) => {
    for (const name of ["model.safetensors", "modules.json", "1_Pooling", "sentence_bert_config.json"])
      rmSync(join(folder, name), { recursive: true });
    editJson(join(folder, "config.json"), config);
  });
  copies.push(copy);
  return copy.folder;
}
const copies: Disposable[] = [];
afterAll(() => copies.forEach((copy) => copy[Symbol.dispose]()));

const bert = { model: tinyEncoder };
const roberta = { model: fromScratch({ model_type: "roberta" }) };
const distilBert = {
  model: fromScratch({ model_type: "distilbert", dim: 32, n_layers: 2, n_heads: 4, hidden_dim: 64, dropout: 0.1 }),
};

describe("cached features", () => {
  test.each<[toy: ToyName, family: string, given: Options]>([
    ["sequence-classification", "bert", { ...bert, hyperparameters: { classifier_dropout: 0.3 } }],
    ["token-classification", "bert", { ...bert, hyperparameters: { classifier_dropout: 0.3 } }],
    ["question-answering", "bert", bert],
    ["multiple-choice", "bert", { ...bert, hyperparameters: { classifier_dropout: 0.3 } }],
    ["multi-label", "roberta", { ...roberta, hyperparameters: { classifier_dropout: 0.3 } }],
    ["question-answering", "distilbert", { ...distilBert, hyperparameters: { classifier_dropout: 0.3 } }],
    ["regression", "distilbert", distilBert],
  ])("%s of %s: losses, scores and weights are those of the whole model", async (toy, family, given) => {
    const run = (kind: string, own: Hyperparameters) =>
      train(`${toy}-${family}-${kind}`, toy, { ...given, hyperparameters: { ...given.hyperparameters, ...own } });
    const [whole, head] = [await run("whole", withoutDropout), await run("head", cached)];
    expect(whole.steps).toHaveLength(18);
    whole.steps.forEach((value, at) => expect(Math.abs(head.steps[at]! - value)).toBeLessThan(1e-5 * (1 + value)));
    expect(head.evaluations).toHaveLength(3);
    for (const [at, metrics] of whole.evaluations.entries()) {
      const measured = Object.entries(metrics).filter(([, value]) => value !== null);
      for (const [metric, value] of measured) expect(head.evaluations[at]![metric], metric).toBeCloseTo(value!, 4);
    }
    const [expected, actual] = [await weightsOf(whole.folder), await weightsOf(head.folder)];
    expect([...actual.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
    for (const [weight, data] of expected) expect(largestError(actual.get(weight)!, data), weight).toBeLessThan(1e-5);
  });

  test("the encoder's stages run before the first step alone, the head in one stage; workers give the same bytes", async () => {
    const requests: string[] = [];
    const recorded: OpenPipeline = (request) => {
      requests.push(`${request.settings.part} in ${request.numStages}`);
      return openLocalPipeline(request);
    };
    const hyperparameters = { ...cached, classifier_dropout: 0.1 };
    const local = await train("two-stages", "token-classification", {
      stages: 2,
      openPipeline: recorded,
      hyperparameters,
    });
    expect(requests).toEqual(["encoder in 2", "head in 1"]);
    const caching = local.events.flatMap((event) => (event.type === "caching" ? [event] : []));
    expect(caching.at(-1)).toMatchObject({ done: 48, total: 48 });
    const openPipeline = workerPipelines({ log: pino({ level: "silent" }) });
    const remote = await train("workers", "token-classification", { stages: 2, openPipeline, hyperparameters });
    expect(remote.steps).toEqual(local.steps);
    expect(modelBytes(remote.folder).equals(modelBytes(local.folder))).toBe(true);
  });

  test("a stage that is lost while features are computed: they are computed by the next pipeline", async () => {
    const hyperparameters = cached;
    const { openPipeline, numCalls } = failingPipelines("evaluate", 2, "stage_lost");
    const [disturbed, quiet] = [
      await train("disturbed", "question-answering", { hyperparameters, openPipeline }),
      await train("quiet", "question-answering", { hyperparameters }),
    ];
    expect(numCalls()).toBeGreaterThan(2);
    expect(modelBytes(disturbed.folder).equals(modelBytes(quiet.folder))).toBe(true);
  });

  test("a run that goes on reads what it has, computes what was removed, and ends with the bytes of one that nobody stopped", async () => {
    const hyperparameters = { ...cached, classifier_dropout: 0.3 };
    const toy = "sequence-classification";
    const { folder } = await train("never-stopped", toy, { hyperparameters });
    const whole = modelBytes(folder);
    const halt = async (name: string) => {
      const { result, folder: halted } = await train(name, toy, { hyperparameters, pauseAfter: 4 });
      expect(result).toMatchObject({ status: "stopped", step: 4 });
      return halted;
    };
    const kept = await halt("kept");
    const written = () =>
      readdirSync(join(kept, "features")).map((file) => [file, statSync(join(kept, "features", file)).mtimeMs]);
    const before = written();
    expect(before.map(([file]) => file)).toContain("train.f32");
    await train("kept", toy, { hyperparameters });
    expect(written()).toEqual(before);
    const removed = await halt("removed");
    rmSync(join(removed, "features"), { recursive: true });
    await train("removed", toy, { hyperparameters });
    for (const each of [kept, removed]) expect(modelBytes(each).equals(whole), each).toBe(true);
  });

  test.each<[what: string, toy: ToyName, refusal: Hyperparameters & { readonly message: RegExp }]>([
    [
      "an encoder that is trained",
      "sequence-classification",
      { freeze: ["embeddings"], message: /encoder\.layer\.0\..* others to train \(freeze base_model\)/ },
    ],
    ["adapters", "sequence-classification", { lora_rank: 2, message: /got .*lora_A\.weight and 15 others to train/ }],
    [
      "dropout in the encoder",
      "sequence-classification",
      { attention_dropout: 0.1, message: /got attention dropout 0\.1/ },
    ],
    [
      "texts that are masked anew",
      "masked-lm",
      { freeze: ["embeddings"], message: /expected the task .*multiple-choice, got masked-lm/ },
    ],
  ])("%s: refused before anything is computed", async (_, toy, { message, ...own }) => {
    await expect(train("refused", toy, { hyperparameters: { ...cached, ...own } })).rejects.toThrow(message);
  });
});
