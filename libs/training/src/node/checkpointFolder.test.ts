import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { initialState, type TrainingState } from "../loop/trainingState.ts";
import { CheckpointFolder } from "./checkpointFolder.ts";
import { StepLogFile } from "./stepLogFile.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-checkpoints-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const newFolder = () => mkdtempSync(join(scratch, "run-"));

const stateOf = (step: number): TrainingState => ({
  ...initialState,
  step,
  epoch: 1,
  batch: step,
  best: { metric: "accuracy", step: 2, value: 0.1 + 0.2 },
});
const write =
  (content: string, name = "stage-0.safetensors") =>
  async (folder: string) => {
    await writeFile(join(folder, name), content);
    return [name];
  };
const open = (folder: string, fingerprint = "a", keep = 2) => CheckpointFolder.open(folder, { fingerprint, keep });

describe("CheckpointFolder", () => {
  test("gives back what was saved, the newest first", async () => {
    const folder = newFolder();
    const store = await open(folder);
    expect(await store.latest()).toBeNull();
    for (const step of [0, 9, 10]) await store.save(stateOf(step), write(`of ${step}`));
    const latest = await (await open(folder)).latest();
    expect(latest).toEqual({ folder: join(folder, "step-10"), files: ["stage-0.safetensors"], state: stateOf(10) });
    expect(readFileSync(join(latest!.folder, latest!.files[0]!), "utf8")).toBe("of 10");
    expect((await store.at(9)).state).toEqual(stateOf(9));
  });

  test("keeps the newest and the best", async () => {
    const folder = newFolder();
    const store = await open(folder);
    for (const step of [0, 2, 4, 6, 8]) await store.save(stateOf(step), write(""));
    expect(await store.prune(2)).toEqual([0, 4]);
    expect(readdirSync(folder).toSorted()).toEqual(["step-2", "step-6", "step-8"]);
  });

  test("a checkpoint that was not finished is ignored, and removed at the next start", async () => {
    const folder = newFolder();
    await (await open(folder)).save(stateOf(3), write(""));
    for (const name of ["step-4", "step-5.tmp"]) mkdirSync(join(folder, name));
    writeFileSync(join(folder, "step-4", "stage-0.safetensors"), "half");
    writeFileSync(join(folder, "step-5.tmp", "checkpoint.json"), "{}");
    expect((await (await open(folder)).latest())?.state.step).toBe(3);
    expect(readdirSync(folder)).toEqual(["step-3"]);
  });

  test("a stage that fails leaves no trace, and the checkpoints before as they were", async () => {
    const folder = newFolder();
    const store = await open(folder);
    await store.save(stateOf(3), write("good"));
    const failing = store.save(stateOf(6), async (into) => {
      await write("half")(into);
      throw new Error("a stage has failed");
    });
    await expect(failing).rejects.toThrow("a stage has failed");
    expect(readdirSync(folder)).toEqual(["step-3"]);
    expect(readFileSync(join(folder, "step-3", "stage-0.safetensors"), "utf8")).toBe("good");
  });

  test.each([
    ["here", Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" })],
    ["in a stage's process, which tells it in words", new Error("stage 1: ENOSPC: no space left on device, write")],
  ])("a disk that is full %s is named", async (_, error) => {
    const store = await open(newFolder());
    const failing = store.save(stateOf(6), () => Promise.reject(error));
    await expect(failing).rejects.toMatchObject({
      code: "disk_full",
      message: expect.stringMatching(/^checkpoint of step 6 in .*: expected room on the disk, got none \(free some/),
    });
  });

  test("refuses a checkpoint of other settings", async () => {
    const folder = newFolder();
    await (await open(folder)).save(stateOf(3), write(""));
    const latest = (await open(folder, "b")).latest();
    await expect(latest).rejects.toMatchObject({ code: "checkpoint_unusable" });
    await expect(latest).rejects.toThrow(/step-3: expected a checkpoint of this run, got one of other settings/);
  });

  test("refuses a file that is not its own", async () => {
    const folder = newFolder();
    await (await open(folder)).save(stateOf(3), write(""));
    writeFileSync(join(folder, "step-3", "checkpoint.json"), '{"format":2}');
    await expect((await open(folder)).latest()).rejects.toThrow(/expected checkpoint.json of format 1, got another/);
  });
});

const smallDisk = join(scratch, "small-disk");
/** A file system of one megabyte; null where this user may not make one. */
function mountSmallDisk(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "skipped: needs root on Linux";
  try {
    mkdirSync(smallDisk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", smallDisk], { stdio: "pipe" });
    return null;
  } catch {
    return "skipped: cannot mount a file system here";
  }
}
const noDisk = mountSmallDisk();
afterAll(() => {
  if (noDisk === null) execFileSync("umount", [smallDisk]);
});

test.skipIf(noDisk !== null)(
  `on a disk that is really full (${noDisk ?? "tmpfs of 1 MB"}), the last checkpoint stays good`,
  async () => {
    const store = await open(join(smallDisk, "checkpoints"));
    await store.save(stateOf(3), write("a".repeat(600_000)));
    await expect(store.save(stateOf(6), write("b".repeat(600_000)))).rejects.toMatchObject({ code: "disk_full" });
    const latest = await (await open(join(smallDisk, "checkpoints"))).latest();
    expect(latest?.state.step).toBe(3);
    expect(readFileSync(join(latest!.folder, "stage-0.safetensors"), "utf8")).toBe("a".repeat(600_000));
    expect(readdirSync(join(smallDisk, "checkpoints"))).toEqual(["step-3"]);
  },
);

test("a checkpoint that has no room leaves no trace, and the checkpoints before as they were", async () => {
  const folder = newFolder();
  const asked: object[] = [];
  const store = await CheckpointFolder.open(folder, {
    fingerprint: "a",
    keep: 2,
    async makeRoom(checkpoint) {
      asked.push({ ...checkpoint, found: readdirSync(folder).toSorted() });
      if (checkpoint.step === 6) throw new Error("no room");
    },
  });
  await store.save(stateOf(3), write("abc"));
  await expect(store.save(stateOf(6), write("defgh"))).rejects.toThrow("no room");
  expect(asked).toEqual([
    { step: 3, bytes: 3, found: ["step-3.tmp"] },
    { step: 6, bytes: 5, found: ["step-3", "step-6.tmp"] },
  ]);
  expect(readdirSync(folder)).toEqual(["step-3"]);
  expect((await store.latest())?.state.step).toBe(3);
});

describe("StepLogFile", () => {
  const entry = (step: number) => ({ step, loss: 0.1 * step, gradientNorm: 1 / 3, learningRate: 5e-324 });

  test("gives the same numbers back, to the last bit", async () => {
    const path = join(newFolder(), "steps.jsonl");
    const log = await StepLogFile.open(path);
    for (const step of [1, 2, 3]) await log.appendStep(entry(step));
    await log.appendEvaluation({ step: 3, metrics: { loss: 0.7, f1: null } });
    await log.appendEvaluation({ step: 3, metrics: { loss: 0.7, f1: null } });
    await log.close();
    const again = await StepLogFile.open(path);
    expect(again.steps).toEqual([entry(1), entry(2), entry(3)]);
    expect(again.evaluations).toEqual([{ step: 3, metrics: { loss: 0.7, f1: null } }]);
    expect([again.lastStep, again.find(2), again.find(4)]).toEqual([3, entry(2), undefined]);
    await again.close();
  });

  test("has the test once it was made, with its classes", async () => {
    const path = join(newFolder(), "steps.jsonl");
    const log = await StepLogFile.open(path);
    await log.appendStep(entry(1));
    expect(log.test).toBeNull();
    const classes = [{ label: "a", precision: 1 / 3, recall: 1, f1: 0.5, support: 3 }];
    const tested = { step: 1, metrics: { loss: 0.1, f1: null }, classes };
    await log.appendTest(tested);
    await log.close();
    const again = await StepLogFile.open(path);
    expect([log.test, again.test]).toEqual([tested, tested]);
    expect([again.steps, again.evaluations]).toEqual([[entry(1)], []]);
    await again.close();
  });

  test("a line that a crash has cut off is removed, and the log goes on after it", async () => {
    const path = join(newFolder(), "steps.jsonl");
    writeFileSync(path, `${JSON.stringify(entry(1))}\n{"step":2,"lo`);
    const log = await StepLogFile.open(path);
    expect(log.lastStep).toBe(1);
    await log.appendStep(entry(2));
    await log.close();
    expect(readFileSync(path, "utf8")).toBe(`${JSON.stringify(entry(1))}\n${JSON.stringify(entry(2))}\n`);
  });

  test.each([
    ["not JSON\n", /line 1: expected step 1, an evaluation or the test, got not JSON/],
    [`${JSON.stringify(entry(2))}\n`, /line 1: expected step 1/],
  ])("refuses %j", async (content, message) => {
    const path = join(newFolder(), "steps.jsonl");
    writeFileSync(path, content);
    await expect(StepLogFile.open(path)).rejects.toThrow(message);
    expect(existsSync(path)).toBe(true);
  });
});
