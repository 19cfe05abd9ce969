/** @file `npm run bench -- NAME`: one benchmark per question. */
const benchmarks = {
  encode: "an encoder inside of a program, beside its peers",
  http: "the gateway under load, and one request at a time",
  pipeline: "two stages beside one",
  trainStep: "a training step beside PyTorch's, and where its time goes",
  trainPipeline: "a training step on two stages beside one, and beside what the simulator says",
  fineTuning: "a fine-tuning beside the Hugging Face Trainer's: rate and accuracy",
  packagedModel: "the model in the box beside its teacher and TF-IDF: quality and speed",
  adapters: "a classifier fine-tuned whole, by adapters, by its head (also on cached features): accuracy, rate, memory",
  contrastive: "sentence vectors trained on pairs beside sentence-transformers' trainer: rate and retrieval",
  preTraining: "a small BERT from scratch beside PyTorch, on the same instances",
  servingDuringTraining: "latency while the same gateway trains, and what requests cost the training",
  start: "time to the first answer, and memory",
  soak: "ten minutes of load: errors and memory",
} as const;

const [name = ""] = process.argv.slice(2);
if (!Object.hasOwn(benchmarks, name)) {
  const list = Object.entries(benchmarks).map(([each, about]) => `  ${each.padEnd(21)} ${about}`);
  console.error(`bench: expected one of\n${list.join("\n")}\ngot ${name === "" ? "none" : `"${name}"`}`);
  process.exit(2);
}
await import(`./${name}.ts`);
