/** @file The graph of one fixture case: its output, and its gradients with respect to the float32 inputs. */
import type { HostTensor } from "@stagecoach/engine";
import { backpropagate, graphOf, input, type Graph, type Tensor } from "@stagecoach/graph";
import type { OperationCase } from "./fixture.ts";
import { buildOperation } from "./operationBuilders.ts";

export type CaseGraph = {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** Outputs of the graph with PyTorch's values. */
  readonly expected: Readonly<Record<string, HostTensor>>;
};

/** Outputs are named `output` and `gradient of <input>`. */
export function caseGraph(example: OperationCase): CaseGraph {
  const { inputs, output, upstream, gradients } = example;
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]),
  );
  const result = buildOperation(example, tensors);
  const outputs: Record<string, Tensor> = { output: result };
  const expected: Record<string, HostTensor> = { output };
  if (upstream === undefined) return { graph: graphOf(outputs), inputs, expected };

  const names = Object.keys(gradients);
  const gradient = input("upstream", upstream.shape, "float32");
  const computed = backpropagate(
    [{ output: result, gradient }],
    names.map((name) => tensors[name]!),
  );
  names.forEach((name, which) => {
    const tensor = computed[which];
    if (!tensor) throw new Error(`${example.name}: no gradient of "${name}"`);
    outputs[`gradient of ${name}`] = tensor;
    expected[`gradient of ${name}`] = gradients[name]!;
  });
  const graph = graphOf(outputs);
  const isUsed = new Set(graph.inputs.map((node) => node.attributes["name"]));
  const given = Object.entries({ ...inputs, upstream }).filter(([name]) => isUsed.has(name));
  return { graph, inputs: Object.fromEntries(given), expected };
}
