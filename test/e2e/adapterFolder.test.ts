/**
 * @file The folder of a model that is an adapter, on the command line: trained with `--no-lora-merge`, it is served, evaluated, exported and
 * trained on like the merged one of the same run, and says what is wrong where its base is another one, or gone.
 */
import { openSafetensors } from "@stagecoach/transformer/node";
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { afterAll, beforeAll, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { tinyEncoder } from "../harness/paths.ts";
import { launchServer, stagecoach, startServer } from "../harness/startServer.ts";
import { writeToyTexts } from "../harness/toyTexts.ts";

/** Merged or beside, the same products are summed in another order. */
const TOLERANCE = 1e-5;
const options = { timeoutMs: 100_000 };

let folder: string;
let base: string;
let data: string;
let adapter: string;
let merged: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-adapter-folder-"));
  [base, data] = [join(folder, "base"), join(folder, "train.jsonl")];
  cpSync(tinyEncoder, base, { recursive: true });
  writeToyTexts(data, 64, 1);
  adapter = await train("adapter", base, "--lora-rank", "2", "--no-lora-merge");
  merged = await train("merged", base, "--lora-rank", "2");
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @returns the model's folder */
async function train(name: string, model: string, ...flags: string[]): Promise<string> {
  const fixed = ["--data", data, "--model", model, "--output", join(folder, name), "--threads", "1"];
  const result = await stagecoach(
    ["train", ...fixed, "--max-steps", "4", "--learning-rate", "1e-2", ...flags],
    options,
  );
  expect(result).toMatchObject({ code: 0 });
  return join(folder, name, "model");
}

type Scores = readonly { readonly label: string; readonly score: number }[];

async function scoresOf(model: string): Promise<number[]> {
  await using server = await startServer({ model, flags: ["--stages", "2"] });
  const scores = (await (await server.post("/predict", { inputs: "the layers of the stag" })).json()) as Scores;
  return scores.toSorted((a, b) => a.label.localeCompare(b.label)).map(({ score }) => score);
}

test("it has what peft reads, and where its base is", () => {
  const json = (name: string) => JSON.parse(readFileSync(join(adapter, name), "utf8")) as object;
  expect(json("adapter_config.json")).toMatchObject({ r: 2, base_model_name_or_path: "base", task_type: "SEQ_CLS" });
  expect(json("adapter_base.json")).toMatchObject({ reference: base, revision: null });
  expect(existsSync(join(adapter, "model.safetensors"))).toBe(false);
  expect(existsSync(join(adapter, "README.md"))).toBe(true);
});

test("served alone, and in a program, it gives what the merged model gives", async () => {
  expect(largestError(await scoresOf(adapter), await scoresOf(merged))).toBeLessThan(TOLERANCE);
  await using ours = await loadEncoder(adapter, { threads: 1 });
  await using theirs = await loadEncoder(merged, { threads: 1 });
  const [one, other] = [await ours.encode(["the layers"]), await theirs.encode(["the layers"])];
  expect(largestError(one[0]!, other[0]!)).toBeLessThan(TOLERANCE);
});

test("evaluated, it has the merged model's loss", async () => {
  const lossOf = async (model: string) => {
    const json = join(folder, "report.json");
    const args = ["evaluate", "--model", model, "--data", data, "--json", json, "--threads", "1"];
    expect(await stagecoach(args, options)).toMatchObject({ code: 0 });
    const { metrics } = JSON.parse(readFileSync(json, "utf8")) as { metrics: { loss: number } };
    return metrics.loss;
  };
  expect(Math.abs((await lossOf(adapter)) - (await lossOf(merged)))).toBeLessThan(TOLERANCE);
});

test("exported as safetensors it is the merged model, and says nothing of an adapter", async () => {
  const output = join(folder, "whole");
  const args = ["models", "export", "--model", adapter, "--format", "safetensors", "--output", output];
  expect(await stagecoach(args, options)).toMatchObject({ code: 0 });
  expect(existsSync(join(output, "adapter_config.json"))).toBe(false);
  await using own = await openSafetensors(output);
  await using expected = await openSafetensors(merged);
  for (const name of ["encoder.layer.1.attention.self.query.weight", "embeddings.LayerNorm.bias"]) {
    const values = await expected.readFloat32(`bert.${name}`);
    expect(largestError(await own.readFloat32(name), values), name).toBeLessThan(TOLERANCE);
  }
  expect(await own.readFloat32("classifier.weight")).toEqual(await expected.readFloat32("classifier.weight"));
});

test("exported as ONNX it has its adapters in the graph", async () => {
  const output = join(folder, "adapter.onnx");
  const args = ["models", "export", "--model", adapter, "--format", "onnx", "--output", output];
  expect(await stagecoach(args, options)).toMatchObject({ code: 0 });
  expect(readFileSync(output, "latin1")).toContain("attention.self.query.lora_A.weight");
});

test("training goes on from it, with its adapters merged; adapters beside it are refused", async () => {
  await train("further", adapter);
  expect(existsSync(join(folder, "further", "model", "model.safetensors"))).toBe(true);
  const args = ["--data", data, "--model", adapter, "--output", join(folder, "refused"), "--lora-rank", "2"];
  const { code, stderr } = await stagecoach(["train", ...args, "--no-lora-merge"], options);
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining("lora merge: expected a whole model to start from, got one that is an adapter itself"),
  ]);
});

test("it does not serve on a base with other weights, or without one", async () => {
  const weights = join(base, "model.safetensors");
  const bytes = readFileSync(weights);
  const changed = Uint8Array.from(bytes);
  changed[changed.length - 1]! ^= 1;
  writeFileSync(weights, changed);
  await using other = launchServer({ model: adapter });
  expect(await other.exited).toBe(2);
  expect(other.log()).toContain("expected the base model that the adapter was trained on, got another one");
  writeFileSync(weights, bytes);
  renameSync(base, `${base}.away`);
  await using without = launchServer({ model: adapter });
  expect(await without.exited).toBe(2);
  expect(without.log()).toContain(`expected the adapter's base model ${base}, got none`);
  renameSync(`${base}.away`, base);
});
