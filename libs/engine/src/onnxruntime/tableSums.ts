/**
 * @file Rows added up into tables (gradients of embeddings), in JavaScript instead of in ONNX Runtime.
 *
 * ONNX Runtime's ScatterElements takes a table of zeros and an index for every value, and one thread for 13 ns per value;
 * its ScatterND loses updates where rows repeat (onnx/lowerings.ts). So an output that is such a table, alone or added to a
 * table that is given, leaves the graph: the session gives the rows, and one pass over them does the rest, in the order of
 * the index. A table that is added to, which takes its sum in place, is touched at these rows only.
 */
import { graphOf, nameOf, reachable, type Graph, type Tensor } from "@stagecoach/graph";
import type { TensorData } from "../engine.ts";

/** One output of the whole graph that the session does not compute. */
export type TableSum = {
  /** Output of the session: `[..., width]`, one row for each entry of the index. */
  readonly rows: string;
  /** Inputs: the row numbers, and the table that is added to (null: zeros). */
  readonly index: string;
  readonly base: string | null;
};

export type SeparatedGraph = {
  /** What the session computes. */
  readonly graph: Graph;
  /** By the name of the output. */
  readonly tableSums: ReadonlyMap<string, TableSum>;
};

/** Take table sums out of a graph's outputs. */
export function separateTableSums(graph: Graph): SeparatedGraph {
  const tableSums = new Map<string, TableSum>();
  const outputs = new Map<string, Tensor>();
  const namesOfRows = new Map<Tensor, string>();
  for (const [name, output] of graph.outputs) {
    const parts = tableSumOf(output);
    if (parts === null) {
      outputs.set(name, output);
      continue;
    }
    const rows = namesOfRows.get(parts.rows) ?? `/rows_${namesOfRows.size}`;
    namesOfRows.set(parts.rows, rows);
    outputs.set(rows, parts.rows);
    tableSums.set(name, { rows, index: nameOf(parts.index), base: parts.base && nameOf(parts.base) });
  }
  const isSeparable = tableSums.size > 0 && bindsAllSymbols([...outputs.values()], graph);
  return isSeparable ? { graph: graphOf(outputs), tableSums } : { graph, tableSums: new Map() };
}

function tableSumOf(output: Tensor): { rows: Tensor; index: Tensor; base: Tensor | null } | null {
  if (output.op === "add") {
    const [base, table] = output.inputs as [Tensor, Tensor];
    const sum = base.op === "input" && table.op === "scatterAddRows" ? tableSumOf(table) : null;
    return sum && base.shape.join() === output.shape.join() ? { ...sum, base } : null;
  }
  const [rows, index] = output.inputs;
  return output.op === "scatterAddRows" && index.op === "input" ? { rows: rows, index: index, base: null } : null;
}

/** Inputs that only table sums use leave the graph with them; no symbol may go with these. */
function bindsAllSymbols(outputs: readonly Tensor[], whole: Graph): boolean {
  const bound = symbolsOf(reachable(outputs).filter(({ op }) => op === "input"));
  return [...symbolsOf(whole.inputs)].every((symbol) => bound.has(symbol));
}

const symbolsOf = (inputs: readonly Tensor[]): ReadonlySet<string> =>
  new Set(inputs.flatMap(({ shape }) => shape.filter((dim) => typeof dim === "string")));

/**
 * `table[index[i]] += rows[i]`, in the order of `index`, in the table's own precision.
 * @throws RangeError for a number that no row of the table has
 */
export function addRows(table: Float32Array, index: TensorData, rows: Float32Array): void {
  const width = rows.length / index.length;
  const numRows = table.length / width;
  for (let at = 0, from = 0; at < index.length; at++, from += width) {
    const row = index[at];
    if (row < 0 || row >= numRows)
      throw new RangeError(`scatterAddRows: expected row numbers from 0 to ${numRows - 1}, got ${row}`);
    for (let to = row * width, column = 0; column < width; column++, to++) table[to] += rows[from + column];
  }
}
