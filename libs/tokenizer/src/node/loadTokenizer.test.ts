/** @file Loading from folders, with errors that name the file. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TokenizerFileError } from "../errors.ts";
import { bertTokenizerFile } from "../training/bertTokenizerFile.ts";
import { loadTokenizer } from "./loadTokenizer.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokenizer-"));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (name: string, content: unknown) =>
  writeFile(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "B"];

describe("loadTokenizer()", () => {
  test("reads tokenizer.json, tokenizer_config.json and special_tokens_map.json", async () => {
    await write("tokenizer.json", bertTokenizerFile(tokens, {}).tokenizer);
    await write("tokenizer_config.json", { model_max_length: 64 });
    await write("special_tokens_map.json", { mask_token: "a" });
    const tokenizer = await loadTokenizer(folder);
    expect([tokenizer.modelMaxLength, tokenizer.specialTokens.mask, tokenizer.specialTokens.cls]).toEqual([64, 5, 2]);
    expect(tokenizer.encode("ab").tokens).toEqual(["[CLS]", "a", "##b", "[SEP]"]);
  });

  test("makes a BERT tokenizer of vocab.txt and tokenizer_config.json", async () => {
    await write("vocab.txt", tokens.join("\r\n"));
    await write("tokenizer_config.json", {
      do_lower_case: false,
      tokenizer_class: "BertTokenizer",
      cls_token: { content: "[CLS]" },
    });
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.encode("ab B", { pair: "[MASK]" }).tokens).toEqual([
      "[CLS]",
      "a",
      "##b",
      "B",
      "[SEP]",
      "[MASK]",
      "[SEP]",
    ]);
    expect(tokenizer.decode([2, 5, 6, 4, 3])).toBe("ab");
  });

  test("lower-cases before the file's own normalizer when asked to, whatever that one does", async () => {
    await write("tokenizer.json", bertTokenizerFile(tokens, { lowercase: false }).tokenizer);
    expect((await loadTokenizer(folder)).encode("AB").tokens).toEqual(["[CLS]", "[UNK]", "[SEP]"]);
    expect((await loadTokenizer(folder, { lowerCase: true })).encode("AB").tokens).toEqual([
      "[CLS]",
      "a",
      "##b",
      "[SEP]",
    ]);
  });

  test("lowers the case without a configuration, as BERT's tokenizer does", async () => {
    await write("vocab.txt", `${tokens.join("\n")}\n`);
    expect((await loadTokenizer(folder)).encode("AB").tokens).toEqual(["[CLS]", "a", "##b", "[SEP]"]);
  });

  test.each([
    [
      "no such folder",
      "missing",
      {},
      /missing: expected a folder with tokenizer\.json, or with a BERT vocab\.txt, got no such folder/,
    ],
    ["an empty folder", "", {}, /expected a folder with tokenizer\.json, or with a BERT vocab\.txt, got neither/],
    ["broken JSON", "", { "tokenizer.json": "{" }, /tokenizer\.json: expected JSON, got /],
    [
      "a JSON that is no tokenizer",
      "",
      { "tokenizer.json": "[]" },
      /tokenizer\.json: expected an object, got an array of 0/,
    ],
    [
      "a vocabulary without [MASK]",
      "",
      { "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]" },
      /vocab\.txt: expected the special tokens .*without \[MASK\]/,
    ],
    [
      "another tokenizer's vocabulary",
      "",
      { "vocab.txt": "a", "tokenizer_config.json": '{"tokenizer_class":"FunnelTokenizer"}' },
      /tokenizer_class: expected one of BertTokenizer.*got "FunnelTokenizer"/,
    ],
  ] as const)("names the file and what was expected: %s", async (...[, path, files, message]) => {
    for (const [name, content] of Object.entries(files)) await write(name, content);
    const loading = loadTokenizer(join(folder, path));
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toBeInstanceOf(TokenizerFileError);
    await expect(loading).rejects.toThrow(folder);
  });
});
