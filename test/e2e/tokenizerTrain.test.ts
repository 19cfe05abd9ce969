/** @file `stagecoach tokenizer train`: from text files to the files of a tokenizer. */
import { loadTokenizer } from "@stagecoach/tokenizer/node";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stagecoach } from "../harness/startServer.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-train-"));
  writeFileSync(join(folder, "a.txt"), "low lower lowest\nnewer wider\n".repeat(20));
  writeFileSync(join(folder, "b.txt.gz"), gzipSync("Caf\u00e9 \u4e2d\u6587 new NEW\n".repeat(20)));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = (name: string, ...flags: string[]) => {
  const files = [join(folder, "a.txt"), join(folder, "b.txt.gz")];
  return stagecoach(["tokenizer", "train", ...files, "--output", join(folder, name), ...flags]);
};

describe("stagecoach tokenizer train", () => {
  test("writes files that load: special tokens first, words that were often read as one token each", async () => {
    const { code, stdout } = await train("plain", "--vocab-size", "60");
    expect([code, stdout]).toEqual([0, `${join(folder, "plain")}: tokenizer.json, tokenizer_config.json\n`]);
    const tokenizer = await loadTokenizer(join(folder, "plain"));
    expect(tokenizer.vocabSize).toBeLessThanOrEqual(60);
    expect(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((token) => tokenizer.tokenToId(token))).toEqual([
      0, 1, 2, 3, 4,
    ]);
    const { tokens } = tokenizer.encode("Lower NEW caf\u00e9 \u4e2d\u6587");
    expect(tokens).toEqual(["[CLS]", "lower", "new", "cafe", "\u4e2d", "\u6587", "[SEP]"]);
    expect(tokenizer.decode(tokenizer.encode("newer wider").ids)).toBe("newer wider");
  });

  test("columns of text of a data file are as good as lines, and only those", async () => {
    const rows = ["low lower lowest", "newer wider"].map((line, row) => ({ package: "zzzz", paragraphs: [line], row }));
    writeFileSync(
      join(folder, "c.jsonl"),
      rows
        .map((row) => `${JSON.stringify(row)}\n`)
        .join("")
        .repeat(20),
    );
    writeFileSync(join(folder, "c.txt"), "low lower lowest\nnewer wider\n".repeat(20));
    const vocabulary = async (file: string, ...flags: string[]) => {
      const output = join(folder, "columns");
      rmSync(output, { recursive: true, force: true });
      const args = ["tokenizer", "train", join(folder, file), "--output", output, "--vocab-size", "60", ...flags];
      const { code, stderr } = await stagecoach(args);
      return code === 0 ? readFileSync(join(output, "tokenizer.json"), "utf8") : stderr;
    };
    const expected = await vocabulary("c.txt");
    expect(await vocabulary("c.jsonl")).toBe(expected);
    expect(await vocabulary("c.jsonl", "--column", "package")).toContain('"zzzz"');
    expect(await vocabulary("c.txt", "--column", "body")).toMatch(/--column: expected a data file/);
    expect(await vocabulary("c.jsonl", "--column", "nothing")).toMatch(
      /expected the column "nothing", got package, paragraphs/,
    );
  });

  test("--cased keeps upper case and accents", async () => {
    expect((await train("cased", "--vocab-size", "80", "--cased")).code).toBe(0);
    const tokenizer = await loadTokenizer(join(folder, "cased"));
    expect(tokenizer.encode("Caf\u00e9 NEW new").tokens).toEqual(["[CLS]", "Caf\u00e9", "NEW", "new", "[SEP]"]);
  });

  test("the same text gives the same bytes", async () => {
    await train("first", "--vocab-size", "50");
    await train("second", "--vocab-size", "50");
    const [first, second] = ["first", "second"].map((name) => readFileSync(join(folder, name, "tokenizer.json")));
    expect(first!.equals(second!)).toBe(true);
  });

  test("says how far it is, off a terminal in lines and not in a bar that is drawn over", async () => {
    const { stderr } = await train("watched", "--vocab-size", "50");
    expect(stderr).toMatch(/100%.*b\.txt\.gz/);
    expect(stderr).not.toContain("\r");
  });

  test.each([
    ["--vocab-size", "few", /--vocab-size: expected a whole number of at least 1, got "few"/],
    ["--vocab-size", "3", /vocabSize must be a whole number of at least 6, got 3/],
    ["--min-frequency", "0", /--min-frequency: expected a whole number of at least 1, got "0"/],
  ])("%s %s is refused, and nothing is written", async (flag, value, message) => {
    const { code, stderr } = await train("refused", flag, value);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(existsSync(join(folder, "refused"))).toBe(false);
  });

  test("a file that is not there is named", async () => {
    const missing = join(folder, "missing.txt");
    const { code, stderr } = await stagecoach(["tokenizer", "train", missing, "--output", join(folder, "none")]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`cannot read ${missing}`)]);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
