/** @file The checkpoint of one of sentence-transformers' dense modules, held against what the module's config says. */
import type { CheckpointEntries } from "./checkpointNames.ts";
import { CheckpointError } from "./errors.ts";
import type { DenseModule } from "./sentenceModules.ts";

/** @throws CheckpointError with the names, when weights are missing, unknown, or of another shape */
export function expectDenseWeights(dense: DenseModule, checkpoint: CheckpointEntries): void {
  const { path, inputSize, outputSize, hasBias } = dense;
  const shapes = new Map([["linear.weight", [outputSize, inputSize]]]);
  if (hasBias) shapes.set("linear.bias", [outputSize]);
  const names = new Set(checkpoint.names());
  const expected = [...shapes].map(([name, shape]) => `${name} [${shape.join(", ")}]`);
  const got = [...names].map((name) => `${name} [${checkpoint.shapeOf(name).join(", ")}]`);
  const differing = [
    ...expected.filter((each) => !got.includes(each)),
    ...got.filter((each) => !expected.includes(each)),
  ];
  if (differing.length === 0) return;
  throw new CheckpointError(
    `${path}/model.safetensors: expected ${expected.join(", ")}, got ${got.join(", ") || "no weights"} (do config.json and the weights belong together?)`,
    [...new Set(differing.map((each) => each.slice(0, each.indexOf(" "))))],
  );
}
