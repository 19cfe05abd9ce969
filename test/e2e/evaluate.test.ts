/** @file `stagecoach evaluate` on files of examples: what it prints is what can be counted by hand from the model's own outputs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadEncoder } from "stagecoach";
import { afterAll, describe, expect, test } from "vitest";
import { tinyEncoder } from "../harness/paths.ts";
import { stagecoach } from "../harness/startServer.ts";
import { toys, writeToy } from "../harness/toyTasks.ts";
import { serveHead, trainTinyModel } from "../harness/trainedModel.ts";

const scratch = mkdtempSync(join(tmpdir(), "stagecoach-evaluate-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

type Report = { readonly kind: string; readonly examples: number; readonly metrics: Readonly<Record<string, number>> };

function write(name: string, rows: readonly object[]): string {
  const path = join(scratch, name);
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return path;
}

async function evaluate(model: string, data: string, ...flags: readonly string[]) {
  const json = join(scratch, "report.json");
  rmSync(json, { force: true });
  const args = ["evaluate", "--model", model, "--data", data, "--json", json, "--threads", "1", ...flags];
  const { code, stdout, stderr } = await stagecoach(args);
  const report = code === 0 ? (JSON.parse(readFileSync(json, "utf8")) as Report) : null;
  return { code, stdout, stderr, report };
}

const words = ["stag", "cons", "of", "the", "a", "in"];
/** No two alike. */
const texts = Array.from({ length: 20 }, (_, number) => `${words[number % 6]} ${words[Math.floor(number / 6)]} layers`);
const [anchors, others] = [texts.slice(0, 8).map((text) => `${text} a`), texts.slice(8, 16)];

async function vectorsOf(list: readonly string[], dimensions?: number): Promise<Float32Array[]> {
  await using encoder = await loadEncoder(tinyEncoder, { threads: 1 });
  return encoder.encode(list, { normalize: true, ...(dimensions === undefined ? {} : { dimensions }) });
}
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, place) => sum + value * b[place]!, 0);

describe("stagecoach evaluate", () => {
  test.each([[undefined], [8]])(
    "retrieval, vectors of %s values: every anchor among all texts that are none",
    async (size) => {
      const data = write("pairs.jsonl", [
        ...anchors.map((anchor, row) => ({ anchor, positive: others[row]! })),
        // Two rows of one anchor: both texts are right.
        { anchor: anchors[0]!, positive: texts[17]! },
      ]);
      const flags = size === undefined ? [] : ["--dimensions", String(size)];
      const { report, stdout } = await evaluate(tinyEncoder, data, ...flags);
      const documents = [...others, texts[17]!];
      const [queries, found] = [await vectorsOf(anchors, size), await vectorsOf(documents, size)];
      const ranks = queries.map((query, row) => {
        const order = documents
          .map((_, place) => place)
          .toSorted((a, b) => dot(query, found[b]!) - dot(query, found[a]!));
        return (row === 0 ? [0, 8] : [row]).map((place) => 1 + order.indexOf(place)).toSorted((a, b) => a - b);
      });
      const mean = (of: (own: readonly number[]) => number) =>
        ranks.reduce((sum, own) => sum + of(own), 0) / ranks.length;
      expect(report).toMatchObject({ kind: "retrieval", examples: 9 });
      expect(report!.metrics["mrr_at_10"]).toBeCloseTo(
        mean(([first]) => 1 / first!),
        10,
      );
      expect(report!.metrics["recall_at_1"]).toBeCloseTo(
        mean((own) => own.filter((rank) => rank === 1).length / own.length),
        10,
      );
      expect(stdout).toContain("retrieval on 9 examples");
      expect(stdout).toContain(`mrr_at_10     ${report!.metrics["mrr_at_10"]!.toFixed(4)}`);
    },
  );

  test("more texts than are encoded at once", async () => {
    const number = (row: number) => [1, 6, 36, 216].map((place) => words[Math.floor(row / place) % 6]).join(" ");
    const rows = Array.from({ length: 1100 }, (_, row) => ({
      anchor: number(row),
      positive: `${number(row)} workers`,
    }));
    const { code, report, stderr } = await evaluate(tinyEncoder, write("many.jsonl", rows));
    expect([code, report?.examples]).toEqual([0, 1100]);
    expect(stderr).toMatch(/100%.*evaluating texts/);
  });

  test("texts alone say nothing of what is near what", async () => {
    const { code, stderr } = await evaluate(
      tinyEncoder,
      write(
        "alone.jsonl",
        texts.map((text) => ({ text })),
      ),
    );
    expect(code).toBe(2);
    expect(stderr).toContain("data: expected anchors and positives, or pairs with a score, got texts alone");
  });

  test("similarity: correlations of the cosines with the numbers of the file", async () => {
    const rows = anchors.map((sentence1, row) => ({ sentence1, sentence2: others[row]!, score: ((row * 5) % 8) / 8 }));
    const { report } = await evaluate(tinyEncoder, write("scored.jsonl", rows));
    const [a, b] = [await vectorsOf(anchors), await vectorsOf(others)];
    const cosines = a.map((vector, row) => dot(vector, b[row]!));
    const centred = (values: readonly number[]) => {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return values.map((value) => value - mean);
    };
    const [x, y] = [centred(cosines), centred(rows.map(({ score }) => score))];
    const product = (p: readonly number[], q: readonly number[]) => p.reduce((sum, value, i) => sum + value * q[i]!, 0);
    expect(report!.kind).toBe("similarity");
    expect(report!.metrics["pearson"]).toBeCloseTo(product(x, y) / Math.sqrt(product(x, x) * product(y, y)), 5);
  });

  test("a head, on two stages: the share of labels that it gives, and each class", async () => {
    const model = await trainTinyModel(join(scratch, "classifier"), "sequence-classification", { numSteps: 20 });
    const data = join(scratch, "labelled.jsonl");
    writeToy(data, "sequence-classification", 30);
    const { report, stdout } = await evaluate(model, data, "--stages", "2");
    const rows = Array.from({ length: 30 }, (_, number) => toys["sequence-classification"].row(number));
    const heads = await serveHead(
      model,
      rows.map(({ text }) => text),
    );
    const right = heads.filter(({ outputs }, row) => {
      const [no, yes] = outputs["logits"]! as [number, number];
      return (yes > no ? "yes" : "no") === rows[row]!.label;
    });
    expect(report).toMatchObject({ kind: "sequence-classification", examples: 30 });
    expect(report!.metrics["accuracy"]).toBeCloseTo(right.length / 30, 10);
    expect(stdout).toMatch(/class +precision +recall +f1 +examples/);

    const vectors = await evaluate(
      model,
      write("pairs.jsonl", [
        { anchor: "a", positive: "of" },
        { anchor: "the", positive: "in" },
      ]),
      "--task",
      "sentence-embedding",
    );
    expect(vectors.report!.kind).toBe("retrieval");
    const unknown = await evaluate(
      model,
      write("unknown.jsonl", [
        { text: "a", label: "maybe" },
        { text: "b", label: "no" },
      ]),
    );
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.stderr).toMatch(/"maybe"/);
    const cut = await evaluate(model, data, "--dimensions", "8");
    expect(cut.stderr).toContain("dimensions: expected a model for sentence-embedding, got sequence-classification");
  });

  test.each([
    [["--task", "masked-lm"], /task: expected a model for masked-lm, got a model without a head/],
    [["--dimensions", "64"], /expected .*32.*got 64/],
    [["--max-length", "16"], /max length: expected a task with a head/],
    [["--stages", "2"], /stages: expected 1 for vectors.*got 2/],
    [["--column", "anchor"], /--column: expected ROLE=NAME/],
    [["--dimension", "8"], /Did you mean --dimensions/],
  ])("what cannot be measured says so: %j", async (flags, message) => {
    const data = write("pairs.jsonl", [
      { anchor: "a", positive: "of" },
      { anchor: "the", positive: "in" },
    ]);
    const { code, stderr } = await evaluate(tinyEncoder, data, ...flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
