/** @file What the page shows of an answer, as its address has it. The texts are not in it. */
import { isPairFilter, type PairFilter } from "./pairFilter.ts";

export type AttentionState = {
  readonly view: "head" | "model";
  readonly layer: number;
  /** Heads whose lines are drawn; null: all. */
  readonly heads: readonly number[] | null;
  /** The head of the heat map and of the table; null: none was chosen. */
  readonly head: number | null;
  readonly filter: PairFilter;
};

/** What is not there, or no number, is as at the beginning. */
export function stateOf(query: URLSearchParams): AttentionState {
  const filter = query.get("filter");
  const heads = query.get("heads")?.split(",").map(numberOf);
  return {
    view: query.get("view") === "model" ? "model" : "head",
    layer: numberOf(query.get("layer")) ?? 0,
    heads: heads?.filter((head) => head !== null) ?? null,
    head: numberOf(query.get("head")),
    filter: isPairFilter(filter) ? filter : "all",
  };
}

/** The other way round; what is as at the beginning is left out. */
export function queryOf({ view, layer, heads, head, filter }: AttentionState): Record<string, string> {
  return {
    ...(view === "head" ? {} : { view }),
    ...(layer === 0 ? {} : { layer: String(layer) }),
    ...(heads === null ? {} : { heads: heads.join(",") }),
    ...(head === null ? {} : { head: String(head) }),
    ...(filter === "all" ? {} : { filter }),
  };
}

/** The state for a model of this size: a bookmark can be of a larger one. */
export function fitted(
  state: AttentionState,
  { numLayers, numHeads }: { readonly numLayers: number; readonly numHeads: number },
): AttentionState {
  return {
    ...state,
    layer: Math.min(state.layer, numLayers - 1),
    heads: state.heads?.filter((head) => head < numHeads) ?? null,
    head: state.head !== null && state.head < numHeads ? state.head : null,
  };
}

function numberOf(text: string | null): number | null {
  return text !== null && /^\d{1,4}$/.test(text) ? Number(text) : null;
}
