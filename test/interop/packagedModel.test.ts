/** @file The model in the box in Python: sentence-transformers loads the folder as it is, and gives our vectors. */
import { packagedModelFolder } from "@stagecoach/transformer/node";
import { loadEncoder } from "stagecoach";
import { expect, test } from "vitest";
import { runPython } from "../harness/python.ts";

const texts = ["mail server with spam filter", "a chess engine", "Fonts for Tamil; UTF-8 caf\u00e9", "x".repeat(2000)];

test("sentence-transformers gives the vectors of the model in the box, to 1e-5", async () => {
  const given = { models: [{ folder: packagedModelFolder, inputs: [], texts }] };
  const { models } = await runPython<{ models: { vectors: number[][] }[] }>("trained_model.py", given);
  await using encoder = await loadEncoder(packagedModelFolder);
  const ours = await encoder.encode(texts);
  const theirs = models[0]!.vectors;
  const differences = ours.flatMap((vector, index) =>
    Array.from(vector, (value, at) => Math.abs(value - theirs[index]![at]!)),
  );
  expect(differences).toHaveLength(texts.length * encoder.dimensions);
  expect(Math.max(...differences)).toBeLessThan(1e-5);
});
