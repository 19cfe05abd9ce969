/** @file Rows that are added up 40 to a place, as in the gradient of an embedding: another order would give other bytes. */
import { int32, type HostTensor } from "@stagecoach/engine";
import { graphOf, input, scatterAddRows, type Graph } from "@stagecoach/graph";
import { generator, randomTensor } from "./random.ts";

const [ROWS, WIDTH, TABLE] = [1500, 33, 37] as const;

export function scatterExample(): { readonly graph: Graph; readonly inputs: Readonly<Record<string, HostTensor>> } {
  const rows = input("rows", ["T", WIDTH], "float32");
  const index = input("index", ["T"], "int32");
  const random = generator(3);
  return {
    graph: graphOf({ y: scatterAddRows(rows, index, TABLE) }),
    inputs: {
      rows: randomTensor([ROWS, WIDTH], random),
      index: int32(
        Array.from({ length: ROWS }, () => Math.floor(random() * TABLE)),
        [ROWS],
      ),
    },
  };
}
