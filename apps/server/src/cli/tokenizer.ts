/** @file `stagecoach tokenizer train`: a WordPiece vocabulary from text files. */
import { trainWordPiece } from "@stagecoach/tokenizer";
import { Command, Option } from "commander";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SettingsError } from "../config/loadSettings.ts";
import { whole } from "./whole.ts";
import { repeated } from "./repeated.ts";
import { textsOfFiles } from "./textsOfFiles.ts";
import { ProgressBar } from "../progress/progressBar.ts";
import type { Host } from "./runCommandLine.ts";

type TrainOptions = {
  output: string;
  vocabSize: string;
  minFrequency: string;
  cased?: boolean;
  column?: readonly string[];
};

export function tokenizerCommand(host: Host): Command {
  const train = new Command("train").description(
    "train a WordPiece vocabulary on text files, read line by line, or on columns of data files",
  );
  train
    .argument("<files...>", "text files, or JSONL, JSON, CSV, TSV, Parquet; those that end in .gz are unpacked")
    .requiredOption("--output <dir>", "folder for tokenizer.json and tokenizer_config.json")
    .option("--vocab-size <n>", "number of tokens, special ones included", "30522")
    .option("--min-frequency <n>", "how often a pair must occur to be merged", "2")
    .addOption(
      new Option(
        "--column <name>",
        "column of data files, several times (default: those of the usual names)",
      ).argParser(repeated),
    )
    .option("--cased", "keep upper case and accents");
  train.action(async (files: string[]) => {
    const { output, vocabSize, minFrequency, cased, column } = train.opts<TrainOptions>();
    const bar = new ProgressBar(host.stderr);
    const stopping = new AbortController();
    host.on("SIGINT", () => stopping.abort(new SettingsError("stopped: no vocabulary was written")));
    const size = whole("--vocab-size", vocabSize);
    const texts = textsOfFiles(files, {
      columns: column,
      onBytes: ({ path, bytesRead, bytesTotal }) => bar.update({ label: path, done: bytesRead, total: bytesTotal }),
    });
    const { tokenizer, config } = await trainWordPiece(texts, {
      vocabSize: size,
      minFrequency: whole("--min-frequency", minFrequency),
      lowercase: cased !== true,
      signal: stopping.signal,
      onProgress: (progress) => {
        if (progress.phase === "learn")
          bar.update({ label: "learning tokens", done: progress.tokens, total: progress.vocabSize, unit: "tokens" });
      },
    });
    bar.finish();
    await mkdir(output, { recursive: true });
    await writeFile(join(output, "tokenizer.json"), `${JSON.stringify(tokenizer)}\n`);
    await writeFile(join(output, "tokenizer_config.json"), `${JSON.stringify(config, null, 2)}\n`);
    host.stdout.write(`${output}: tokenizer.json, tokenizer_config.json\n`);
  });
  return new Command("tokenizer").description("train vocabularies").addCommand(train);
}
