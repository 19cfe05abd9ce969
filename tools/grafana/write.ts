/** @file `npm run dashboards`: writes deploy/grafana/dashboards. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../runProgram.ts";
import { allBoards, fileOf, textOf } from "./allBoards.ts";

for (const board of allBoards) {
  const file = join(repository, "deploy/grafana/dashboards", fileOf(board));
  writeFileSync(file, textOf(board));
  console.log(file);
}
