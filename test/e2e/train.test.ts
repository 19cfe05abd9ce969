/** @file `stagecoach train`: from a file to a model that serves, errors of every day, Ctrl-C and going on. */
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repository, tinyEncoder } from "../harness/paths.ts";
import { cleanEnv, stagecoach, stagecoachMain } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";

let folder: string;
let train: string;
let dev: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-train-"));
  [train, dev] = [join(folder, "train.jsonl"), join(folder, "dev.jsonl")];
  writeToyTexts(train, 64, 1);
  writeToyTexts(dev, 32, 2);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const argsOf = (output: string, ...flags: string[]) => {
  const fixed = ["--data", train, "--model", tinyEncoder, "--output", join(folder, output), "--threads", "1"];
  return ["train", ...fixed, ...flags];
};
/** Whether a weight of the trained model is, byte for byte, that of the model that training began with. */
async function comparedWithBase(output: string): Promise<(weight: string) => Promise<boolean>> {
  const { openSafetensors } = await import("@stagecoach/transformer/node");
  return async (weight) => {
    await using before = await openSafetensors(tinyEncoder);
    await using after = await openSafetensors(join(folder, output, "model"));
    return Buffer.from(await before.readBytes(weight)).equals(Buffer.from(await after.readBytes(`bert.${weight}`)));
  };
}

const run = (output: string, ...flags: string[]) => stagecoach(argsOf(output, ...flags), { timeoutMs: 100_000 });
const bytesOf = (output: string) => readFileSync(join(folder, output, "model", "model.safetensors"));

describe("stagecoach train", () => {
  test("learns what can be learned, evaluates, and says where the model is", async () => {
    const large = join(folder, "large.jsonl");
    writeToyTexts(large, 256, 1);
    const learning = ["--epochs", "5", "--batch-size", "8", "--learning-rate", "2e-3", "--micro-batches", "1"];
    const { code, stdout, stderr } = await run(
      "toy",
      "--data",
      large,
      ...learning,
      "--eval-data",
      dev,
      "--stages",
      "2",
    );
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("sequence-classification: 256 examples, evaluated on 32, 2 labels"),
    ]);
    expect(stderr).toContain("new weights: classifier.weight, classifier.bias");
    expect(stderr).toMatch(/step 32, epoch 1.00: loss [\d.]+, accuracy [\d.]+ \(best so far\)/);
    expect(stderr).toMatch(/100%  160 steps of 160 steps.*loss [\d.]+, [\d,]+ tokens\/s/);
    expect(stdout).toMatch(/Trained 160 steps on [\d,]+ tokens, best after step \d+/);
    expect(stdout).toMatch(/accuracy +1\.0000/);
    const shares = "forward \\d+ %, backward \\d+ %, waiting \\d+ %, other \\d+ %";
    expect(stdout).toMatch(new RegExp(`^  Stage 0  ${shares}\n  Stage 1  ${shares}$`, "m"));
    expect(stdout).toMatch(/class +precision +recall +f1 +examples\n +no +1.0000 +1.0000 +1.0000 +16\n/);
    const model = join(folder, "toy", "model");
    expect(stdout).toContain(`stagecoach serve --model ${model}`);
    expect(readdirSync(model).toSorted()).toEqual([
      "1_Pooling",
      "README.md",
      "config.json",
      "config_sentence_transformers.json",
      "curve.svg",
      "model.safetensors",
      "modules.json",
      "sentence_bert_config.json",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    expect(JSON.parse(readFileSync(join(model, "config.json"), "utf8"))).toMatchObject({
      architectures: ["BertForSequenceClassification"],
      id2label: { "0": "no", "1": "yes" },
      problem_type: "single_label_classification",
    });
    expect(readFileSync(join(model, "README.md"), "utf8")).toMatch(/\| accuracy +\| 1\.0000 +\|/);
  });

  test("the line of the README: a name of one's own is the folder's and the card's, and its kind is guessed", async () => {
    const [, line] = /stagecoach -- (train --task topics .*)/.exec(
      readFileSync(join(repository, "README.md"), "utf8"),
    )!;
    const flags = ["--model", tinyEncoder, "--threads", "1", "--max-steps", "1"];
    const inFolder = () => stagecoach([...line!.split(" "), ...flags], { cwd: folder, timeoutMs: 60_000 });
    const { code, stdout, stderr } = await inFolder();
    expect([code, stderr]).toEqual([0, expect.stringContaining("sequence-classification: 64 examples, 2 labels")]);
    expect(stdout).toContain("stagecoach serve --model topics/model");
    expect(readFileSync(join(folder, "topics", "model", "README.md"), "utf8")).toContain("\n# topics\n");
    expect((await inFolder()).stderr).toContain(
      "--output: expected a new or empty folder, got topics with files in it (--resume topics goes on with the run in it)",
    );
  });

  test("trains a model from scratch: a folder with a config and a tokenizer, weights by the seed", async () => {
    const base = join(folder, "from-scratch");
    mkdirSync(base);
    const config = JSON.parse(readFileSync(join(tinyEncoder, "config.json"), "utf8")) as Record<string, unknown>;
    // Weights this small leave every token equally likely.
    writeFileSync(join(base, "config.json"), JSON.stringify({ ...config, initializer_range: 1e-3 }));
    for (const file of ["tokenizer.json", "tokenizer_config.json"])
      copyFileSync(join(tinyEncoder, file), join(base, file));
    const documents = join(folder, "documents.txt");
    writeFileSync(documents, "the layers of the stage\nthe model in a stage\n\n".repeat(40));
    const args = ["--data", documents, "--model", base, "--task", "pretraining", "--stages", "2", "--max-steps", "2"];
    const { code, stderr } = await run("scratch", ...args);
    expect([code, stderr]).toEqual([0, expect.stringContaining("2 steps of 2 steps")]);
    const [first] = readFileSync(join(folder, "scratch", "steps.jsonl"), "utf8").split("\n");
    const { loss } = JSON.parse(first!) as { loss: number };
    // Of 200 tokens one, and of two orders of sentences one.
    expect(loss).toBeCloseTo(Math.log(200) + Math.log(2), 1);
    expect(existsSync(join(folder, "scratch", "model", "model.safetensors"))).toBe(true);
  });

  test("the same seed gives the same bytes, for any number of stages; another seed does not", async () => {
    for (const [name, seed, stages] of [
      ["first", "7", "1"],
      ["second", "7", "2"],
      ["other", "8", "1"],
    ] as const)
      expect((await run(name, "--max-steps", "3", "--seed", seed, "--stages", stages)).code).toBe(0);
    expect(bytesOf("second").equals(bytesOf("first"))).toBe(true);
    expect(bytesOf("other").equals(bytesOf("first"))).toBe(false);
  });

  test("Ctrl-C saves a checkpoint and says how to go on; the end has the bytes of a run without it", async () => {
    const long = ["--max-steps", "60", "--batch-size", "8"];
    expect((await run("whole", ...long)).code).toBe(0);
    const child = spawn(
      process.execPath,
      ["--conditions=@stagecoach/source", stagecoachMain, ...argsOf("cut", ...long)],
      {
        env: cleanEnv(),
        cwd: repository,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (/\d+ steps of 60/.test(text)) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect([code, stderr]).toEqual([0, expect.stringContaining("stopping: the step at work is finished")]);
    expect(stdout).toContain(`stagecoach train --resume ${join(folder, "cut")}`);
    expect(existsSync(join(folder, "cut", "model"))).toBe(false);

    const again = await stagecoach(["train", "--resume", join(folder, "cut"), "--stages", "2"], { timeoutMs: 60_000 });
    expect([again.code, again.stderr]).toEqual([0, expect.stringMatching(/going on from the checkpoint of step \d+/)]);
    expect(bytesOf("cut").equals(bytesOf("whole"))).toBe(true);
    const log = (name: string) => readFileSync(join(folder, name, "steps.jsonl"), "utf8");
    expect(log("cut")).toBe(log("whole"));

    const finished = await stagecoach(["train", "--resume", join(folder, "cut")]);
    expect([finished.code, finished.stdout]).toEqual([0, expect.stringContaining("Trained 60 steps")]);
  });

  test("the best model is tested at the end: what it gives for a set, it gives for the same set again", async () => {
    const flags = ["--max-steps", "12", "--eval-steps", "2", "--batch-size", "8", "--learning-rate", "5e-3"];
    const { code, stdout } = await run("tested", "--eval-data", dev, "--test-data", dev, ...flags);
    expect([code, stdout]).toEqual([0, expect.stringContaining("Tested on examples of its own")]);
    const lines = readFileSync(join(folder, "tested", "steps.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    const { step, test: tested } = JSON.parse(lines.at(-1)!) as { step: number; test: { metrics: object } };
    const best = Number(/best after step (\d+)/.exec(stdout)![1]);
    const evaluations = lines.flatMap((line) => (line.includes('"metrics":{') ? [JSON.parse(line) as object] : []));
    expect(step).toBe(best);
    expect(evaluations).toContainEqual({ step, metrics: tested.metrics });
    const card = readFileSync(join(folder, "tested", "model", "README.md"), "utf8");
    expect(card).toMatch(/\| accuracy +\| (\d\.\d+) +\| \1 +\|/);
    expect(card).toMatch(/\| test +\| dev.jsonl +\| 32 +\|/);
  });

  test("shares for validation and for a test are set aside together", async () => {
    const shares = ["--validation-split", "0.25", "--test-split", "0.25"];
    const { code, stderr } = await run("shares", "--max-steps", "1", ...shares);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("32 examples, evaluated on 16, tested on 16, 2 labels"),
    ]);
    expect(readFileSync(join(folder, "shares", "model", "README.md"), "utf8")).toMatch(
      /\| test +\| train.jsonl +\| 16 +\|/,
    );
  });

  test("adapters are trained alone, merged into the model, and kept in peft's layout", async () => {
    const lora = ["--lora-rank", "2", "--lora-alpha", "8", "--lora-targets", "query", "--lora-targets", "output.dense"];
    const { code, stderr } = await run(
      "adapted",
      "--max-steps",
      "2",
      "--learning-rate",
      "1e-2",
      "--lora-dropout",
      "0.1",
      ...lora,
    );
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("lora_A")]);
    const model = join(folder, "adapted", "model");
    const config = JSON.parse(readFileSync(join(model, "adapter", "adapter_config.json"), "utf8")) as object;
    expect(config).toMatchObject({
      peft_type: "LORA",
      r: 2,
      lora_alpha: 8,
      lora_dropout: 0.1,
      modules_to_save: ["classifier"],
    });
    const { openSafetensors } = await import("@stagecoach/transformer/node");
    await using before = await openSafetensors(tinyEncoder);
    await using after = await openSafetensors(model);
    await using adapter = await openSafetensors(join(model, "adapter", "adapter_model.safetensors"));
    const layer = "encoder.layer.1";
    const name = (module: string) => `base_model.model.bert.${layer}.${module}`;
    expect(adapter.names()).toContain("base_model.model.classifier.weight");
    // W + alpha / rank B A, worked out here.
    const a = await adapter.readFloat32(name("output.dense.lora_A.weight"));
    const b = await adapter.readFloat32(name("output.dense.lora_B.weight"));
    const [base, merged] = [
      await before.readFloat32(`${layer}.output.dense.weight`),
      await after.readFloat32(`bert.${layer}.output.dense.weight`),
    ];
    const numInputs = a.length / 2;
    const change = (at: number) => {
      const [row, column] = [Math.floor(at / numInputs), at % numInputs];
      return 4 * (b[row * 2]! * a[column]! + b[row * 2 + 1]! * a[numInputs + column]!);
    };
    expect(Math.max(...Array.from(b, Math.abs))).toBeGreaterThan(1e-3);
    base.forEach((value, at) => expect(merged[at]).toBeCloseTo(value + change(at), 6));
    const isSame = await comparedWithBase("adapted");
    for (const weight of [
      "embeddings.word_embeddings.weight",
      `${layer}.attention.self.value.weight`,
      "pooler.dense.bias",
    ])
      expect(await isSame(weight), weight).toBe(true);
  });

  test("what is frozen has no trained adapters either", async () => {
    const flags = ["--max-steps", "2", "--learning-rate", "1e-2", "--lora-rank", "2", "--freeze", "encoder.layer.1"];
    expect((await run("partly", ...flags)).code).toBe(0);
    const isSame = await comparedWithBase("partly");
    expect(await isSame("encoder.layer.1.attention.self.query.weight")).toBe(true);
    expect(await isSame("encoder.layer.0.attention.self.query.weight")).toBe(false);
  });

  test("smoothing changes the loss, and another optimizer the weights", async () => {
    const flags = ["--max-steps", "2", "--learning-rate", "1e-2", "--warmup-steps", "0"];
    const trained = async (name: string, ...more: string[]) => {
      expect((await run(name, ...flags, ...more)).code).toBe(0);
      const [first] = readFileSync(join(folder, name, "steps.jsonl"), "utf8").split("\n");
      const { loss } = JSON.parse(first!) as { loss: number };
      return { loss, weights: readFileSync(join(folder, name, "model", "model.safetensors")) };
    };
    const plain = await trained("plain");
    const smoothed = await trained("smoothed", "--label-smoothing-factor", "0.2");
    const lamb = await trained("lamb", "--optimizer", "lamb");
    expect(smoothed.loss).not.toBe(plain.loss);
    expect(lamb.loss).toBe(plain.loss);
    expect(lamb.weights.equals(plain.weights)).toBe(false);
  });

  test("a head alone is trained, in two stages of which the first has nothing to train", async () => {
    const flags = ["--freeze", "embeddings", "--freeze", "encoder", "--freeze", "pooler", "--stages", "2"];
    const { code, stdout } = await run("head-alone", "--max-steps", "2", ...flags);
    expect([code, stdout]).toEqual([0, expect.stringContaining("Trained 2 steps")]);
  });

  test("a head alone is trained on features that two stages compute once; the encoder stays", async () => {
    const flags = ["--freeze", "base_model", "--cache-features", "--stages", "2", "--learning-rate", "1e-2"];
    const { code, stdout, stderr } = await run("features", "--max-steps", "2", ...flags, "--eval-data", dev);
    expect([code, stdout]).toEqual([0, expect.stringContaining("Trained 2 steps")]);
    expect(stderr).toMatch(/computing features/);
    const isSame = await comparedWithBase("features");
    expect(await isSame("encoder.layer.1.output.dense.weight")).toBe(true);
    expect(readdirSync(join(folder, "features", "features")).toSorted()).toEqual([
      "features.json",
      "stage-0.safetensors",
      "stage-1.safetensors",
      "train.f32",
      "validation.f32",
    ]);
  });

  test("frozen parameters stay; class weights, smoothing, another optimizer and a share for validation are taken", async () => {
    const flags = [
      "--max-steps",
      "2",
      "--freeze",
      "embeddings",
      "--freeze",
      "encoder.layer.1",
      "--learning-rate",
      "1e-2",
    ];
    const weights = ["--class-weights", '{"yes":2,"no":1}', "--validation-split", "0.25", "--warmup-steps", "0"];
    weights.push("--label-smoothing-factor", "0.1", "--optimizer", "lamb");
    const { code, stderr } = await run("frozen", ...flags, ...weights);
    expect([code, stderr]).toEqual([0, expect.stringContaining("48 examples, evaluated on 16")]);
    const isSame = await comparedWithBase("frozen");
    expect(await isSame("embeddings.word_embeddings.weight")).toBe(true);
    expect(await isSame("encoder.layer.1.output.dense.weight")).toBe(true);
    expect(await isSame("encoder.layer.0.output.dense.weight")).toBe(false);
  });
});

describe("stagecoach train says what is wrong", () => {
  test.each<[what: string, flags: readonly string[], message: RegExp]>([
    [
      "an unknown flag",
      ["--learning-rat", "1"],
      /unknown option '--learning-rat'\s+\(Did you mean --learning-rate\?\)/,
    ],
    ["a learning rate of 0", ["--learning-rate", "0"], /--learning-rate: expected a learning rate above 0/],
    ["a learning rate of 10", ["--learning-rate", "10"], /--learning-rate: expected a learning rate of at most 1/],
    ["no number", ["--epochs", "many"], /--epochs: expected "auto" or a whole number/],
    ["a file that is not there", ["--data", "none.jsonl"], /none.jsonl: cannot be read/],
    [
      "a batch that is larger than the data",
      ["--batch-size", "65"],
      /expected at least as many examples as a batch has \(65\), got 64/,
    ],
    ["more stages than layers", ["--stages", "5"], /4 layers cannot fill 5 stages/],
    ["patience without evaluation", ["--patience", "2"], /patience: it says nothing without evaluation data/],
    ["texts that the model has no positions for", ["--max-length", "1000"], /max length: expected at most 96 tokens/],
    [
      "a frozen parameter that is not there",
      ["--freeze", "encoder.layer.7"],
      /freeze: expected the beginning of a parameter's name, .*got "encoder.layer.7"/,
    ],
    [
      "nothing left to train",
      ["--freeze", "embeddings", "--freeze", "encoder", "--freeze", "pooler", "--freeze", "classifier"],
      /freeze: expected a parameter that is left to train/,
    ],
    [
      "adapters of a layer that is not there",
      ["--lora-rank", "2", "--lora-targets", "q_proj"],
      /lora targets: expected the end of a linear layer's name \(query, key, value, dense\) or all-linear, got "q_proj"/,
    ],
    [
      "smoothing where there are no classes",
      ["--task", "masked-lm", "--label-smoothing-factor", "0.1"],
      /label smoothing factor: expected a task with one label per text or token, got masked-lm/,
    ],
    ["adapters without a rank", ["--lora-alpha", "2"], /lora rank: expected one together with lora alpha/],
    [
      "adapters of a language model",
      ["--task", "masked-lm", "--lora-rank", "2"],
      /lora rank: expected the task sequence-classification, .*, got masked-lm/,
    ],
    [
      "nothing left to train beside adapters",
      ["--lora-rank", "2", "--freeze", "encoder", "--freeze", "classifier"],
      /freeze: expected a parameter that is left to train/,
    ],
    [
      "an option of another task",
      ["--mlm-probability", "0.2"],
      /mlm probability: expected the task masked-lm or pretraining, got sequence-classification/,
    ],
    [
      "dropout of a head that has none",
      ["--task", "masked-lm", "--classifier-dropout", "0.1"],
      /classifier dropout: expected a head with dropout, got that of masked-lm in a model of type "bert"/,
    ],
    [
      "a share for validation beside a file",
      ["--eval-data", "none.jsonl", "--validation-split", "0.1"],
      /--validation-split: it says nothing beside a file to validate on/,
    ],
    [
      "a weight of an unknown class",
      ["--class-weights", '{"yess":1}'],
      /class weights: expected a label of the data, got "yess" \(did you mean "yes"\?\)/,
    ],
    [
      "shares that leave nothing to train on",
      ["--validation-split", "0.5", "--test-split", "0.5"],
      /--test-split: expected less than 1 together with validation_split, got 0.5 and 0.5/,
    ],
    [
      "a share and a file to test on",
      ["--test-split", "0.5", "--test-data", "test.jsonl"],
      /test split: expected this or a file to test on, got both/,
    ],
    ["half of a JSON", ["--class-weights", '{"yes"'], /--class-weights: expected JSON/],
    ["a model that is not there", ["--model", "./none"], /none/],
  ])("%s, and a better try into the same folder is not refused", async (_, flags, message) => {
    const { code, stderr } = await run("refused", ...flags);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(existsSync(join(folder, "refused", "training.json"))).toBe(false);
  });

  test("a learning rate that is very high is a warning", async () => {
    const { code, stderr } = await run("high", "--learning-rate", "0.02", "--max-steps", "1");
    expect([code, stderr]).toEqual([0, expect.stringContaining("warning: learning rate: 0.02 is far above")]);
  });

  test("a folder with something in it", async () => {
    mkdirSync(join(folder, "mine"));
    writeFileSync(join(folder, "mine", "thesis.txt"), "");
    const { code, stderr } = await run("mine");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/--output: expected a new or empty folder, got .*mine with files in it/),
    ]);
  });

  test("a file where the folder would be", async () => {
    const { code, stderr } = await run("train.jsonl");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--output: .*train.jsonl which is a file/)]);
  });

  test("no data, a mistyped task, nothing to go on with, a flag beside --resume", async () => {
    const of = async (...args: string[]) => (await stagecoach(["train", ...args])).stderr;
    expect(await of("--output", join(folder, "x"))).toMatch(/--data: expected a file to train on, got none/);
    expect(await of("--data", train, "--task", "sequence-clasification")).toMatch(
      /--task: expected one of .*got "sequence-clasification" \(did you mean "sequence-classification"\?\)/,
    );
    expect(await of("--resume", folder)).toMatch(/--resume: expected a folder in which a run has begun/);
    expect(await of("--resume", folder, "--epochs", "3")).toMatch(
      /--resume: expected no other flag than --stages, got epochs/,
    );
  });

  test("a model whose head has another size, unless a new head is asked for", async () => {
    expect((await run("two", "--max-steps", "1")).code).toBe(0);
    const three = join(folder, "three.jsonl");
    writeFileSync(
      three,
      ["a", "b", "c"]
        .map((label) => `{"text":"the layers","label":"${label}"}\n`)
        .join("")
        .repeat(8),
    );
    const args = (output: string) => [
      "train",
      "--data",
      three,
      "--model",
      join(folder, "two", "model"),
      "--threads",
      "1",
      "--max-steps",
      "1",
      "--output",
      join(folder, output),
    ];
    const refused = await stagecoach(args("head"));
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/head has another size than the task sequence-classification with 3 labels/),
    ]);
    expect((await stagecoach([...args("head"), "--replace-head"])).code).toBe(0);
  });
});
