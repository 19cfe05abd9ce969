/**
 * @file `npm run compatibility`: measures every supported family on every engine that loads here, and writes the table of docs/COMPATIBILITY.md.
 *
 * Each engine is measured in a process of its own: tfjs can have one backend in a process.
 */
import { createReferenceEngine } from "@stagecoach/engine";
import { engineNames, loadEngine, probeEngines } from "@stagecoach/engine/node";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compareEncoder } from "../test/golden/compareEncoder.ts";

const fixtures = fileURLToPath(new URL("../test/fixtures/encoders/", import.meta.url));
const document = fileURLToPath(new URL("../docs/COMPATIBILITY.md", import.meta.url));
const [BEGIN, END] = ["<!-- measured: npm run compatibility -->", "<!-- end of measured -->"];
const OUTPUTS = ["last_hidden_state", "pooler_output", "pooled.mean"];
const names = readdirSync(fixtures, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

/** Checkpoint to output to largest absolute error. */
type Measured = Record<string, Record<string, number>>;

const [only] = process.argv.slice(2);
if (only === undefined) await writeTable();
else console.log(JSON.stringify(await measure(only)));

async function measure(engineName: string): Promise<Measured> {
  const known = engineNames.find((each) => each === engineName);
  const engine = known === undefined ? createReferenceEngine() : await loadEngine(known, { threads: 2 });
  const measured: Measured = {};
  for (const name of names)
    measured[name] = Object.fromEntries((await compareEncoder(`${fixtures}${name}`, engine)).errors);
  await engine.dispose();
  return measured;
}

async function writeTable(): Promise<void> {
  const available = (await probeEngines()).filter(({ name, available: loads }) => loads && name !== "tfjs");
  const engines = ["reference", ...available.map(({ name }) => name)];
  const measured = engines.map((name) => {
    const printed = execFileSync(
      process.execPath,
      ["--conditions=@stagecoach/source", fileURLToPath(import.meta.url), name],
      { encoding: "utf8" },
    );
    return JSON.parse(printed.trim().split("\n").at(-1)!) as Measured;
  });
  const rows = names.flatMap((name) =>
    OUTPUTS.filter((output) => measured[0]![name]![output] !== undefined).map((output) => [
      name,
      output,
      ...measured.map((each) => each[name]![output]!.toExponential(1)),
    ]),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const header = ["checkpoint", "output", ...engines];
  const table = [header, header.map(() => "---"), ...rows].map(line).join("\n");
  const versions = JSON.parse(readFileSync(`${fixtures}versions.json`, "utf8")) as Record<string, string>;
  const caption =
    `Largest absolute error against transformers ${versions["transformers"]} on PyTorch ${versions["torch"]}, ${new Date().toISOString().slice(0, 10)}. ` +
    "The models are the tiny random ones of test/fixtures/encoders, whose hidden states are of size 1 to 4; `reference` computes in float64, so its column is PyTorch's own rounding.";
  const text = readFileSync(document, "utf8");
  writeFileSync(
    document,
    `${text.slice(0, text.indexOf(BEGIN))}${BEGIN}\n\n${caption}\n\n${table}\n\n${text.slice(text.indexOf(END))}`,
  );
  console.log(table);
}
