/** @file Compile a graph, run it once, and throw the executable away. */
import { hostParameters, runToHost, type Engine, type HostTensor } from "@stagecoach/engine";
import type { Graph } from "@stagecoach/graph";

export type Given = {
  readonly inputs?: Readonly<Record<string, HostTensor>>;
  readonly parameters?: Readonly<Record<string, HostTensor>>;
};

export async function runGraph(
  engine: Engine,
  graph: Graph,
  { inputs = {}, parameters = {} }: Given,
): Promise<Record<string, HostTensor>> {
  const executable = await engine.compile(graph, hostParameters(parameters));
  try {
    return await runToHost(executable, inputs);
  } finally {
    await executable.dispose();
  }
}
