/** @file The scorer of a model that a route's task needs. */
import type { TaskName } from "@stagecoach/transformer";
import type { Scorer } from "../embedding/scorer.ts";
import { HttpProblem } from "./httpProblem.ts";
import type { ServedModel } from "./serving.ts";

/** @throws HttpProblem `wrong_task` */
export function scorerOf({ scorer, name }: ServedModel, wanted: readonly TaskName[]): Scorer {
  if (scorer !== null && wanted.includes(scorer.task.name)) return scorer;
  const task = scorer === null ? "only gives embeddings" : `was trained for ${scorer.trainedFor}`;
  throw new HttpProblem(
    "wrong_task",
    `\`model\`: expected a model for ${wanted.join(" or ")}; \`${name}\` ${task} (GET /v1/models lists the models)`,
  );
}
