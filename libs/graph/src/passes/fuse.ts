/**
 * @file Fusion: groups of operations that an engine has one kernel for become one node.
 *
 * A group lies within one scope (a layer of the model), so that cutting a model between layers changes no arithmetic, and
 * nothing outside may use its inner values. Larger templates go first; a node belongs to one group at most.
 * Few fused nodes have a gradient rule (fusedGradients.ts); what else is to be differentiated must not be fused before.
 */
import { countUses, type Graph } from "../graph.ts";
import { createTensor, type Tensor } from "../tensor.ts";
import {
  fusedOperationNames,
  fusionTemplates,
  type FusedOperationName,
  type FusionTemplate,
} from "./fusionTemplates.ts";
import { match, type Binding } from "./match.ts";
import { rewrite } from "./rewrite.ts";

type Fusion = { readonly name: FusedOperationName; readonly template: FusionTemplate; readonly binding: Binding };

/** @param supported - the fused operations that the engine has kernels for */
export function fuse(graph: Graph, supported: ReadonlySet<FusedOperationName>): Graph {
  const uses = countUses(graph);
  const isOutput = new Set(graph.outputs.values());
  const taken = new Set<Tensor>();
  const fusions = new Map<Tensor, Fusion>();
  const names = fusedOperationNames.filter((name) => supported.has(name));

  for (const node of graph.nodes.toReversed()) {
    if (taken.has(node)) continue;
    const found = names
      .map((name) => fusionAt(node, name))
      .find((fusion) => fusion !== null && isClosed(node, fusion.binding));
    if (!found) continue;
    found.binding.covered.forEach((each) => taken.add(each));
    fusions.set(node, found);
  }

  /** Whether the group can stand alone: one scope, no inner value used elsewhere, no node taken by another group. */
  function isClosed(root: Tensor, binding: Binding): boolean {
    const covered = new Set(binding.covered);
    const innerUses = new Map<Tensor, number>();
    for (const node of covered) for (const each of node.inputs) innerUses.set(each, (innerUses.get(each) ?? 0) + 1);
    return [...covered].every((node) => {
      if (node.scope !== root.scope || taken.has(node)) return false;
      return node === root || (!isOutput.has(node) && uses.get(node) === innerUses.get(node));
    });
  }

  return rewrite(graph, (node, { original, now }) => {
    const fusion = fusions.get(original);
    return fusion === undefined ? node : fusedNode(original, fusion, now);
  });
}

const templates = new Map<string, FusionTemplate | null>();

function fusionAt(node: Tensor, name: FusedOperationName): Fusion | null {
  const key = `${name}:${node.shape.length}`;
  if (!templates.has(key)) templates.set(key, fusionTemplates[name](node.shape.length));
  const template = templates.get(key);
  const binding = template ? match(template.root, node) : null;
  return template && binding ? { name, template, binding } : null;
}

function fusedNode(root: Tensor, { name, template, binding }: Fusion, now: (node: Tensor) => Tensor): Tensor {
  const inputs = template.inputs.map((each) => now(binding.tensors.get(each)!));
  const attributes = Object.fromEntries(
    Object.entries(template.attributes).map(([key, source]) => [
      key,
      binding.numbers.get(source) ?? binding.dims.get(source),
    ]),
  );
  const { shape, dtype, scope } = root;
  return createTensor({ op: name, inputs, attributes, shape, dtype, scope });
}
