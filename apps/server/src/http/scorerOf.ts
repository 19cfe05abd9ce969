/** @file Which models have which routes besides those of vectors, and the scorer of a model that such a route needs. */
import type { TaskName } from "@stagecoach/transformer";
import type { Scorer, ScorerFacts } from "../embedding/scorer.ts";
import { HttpProblem } from "./httpProblem.ts";
import type { ServedModel } from "./serving.ts";

const tasksOfRoute = {
  "/predict": ["sequence-classification", "token-classification"],
  "/rerank": ["sequence-classification"],
  "/next-sentence": ["next-sentence", "pretraining"],
  "/answer": ["question-answering"],
  "/fill-mask": ["masked-lm", "pretraining"],
} as const satisfies Readonly<Record<string, readonly TaskName[]>>;

export type TaskRoute = keyof typeof tasksOfRoute;

/** @throws HttpProblem `wrong_task` */
export function scorerOf({ scorer, name }: ServedModel, route: TaskRoute): Scorer {
  const wanted: readonly TaskName[] = tasksOfRoute[route];
  if (scorer === null || !wanted.includes(scorer.task.name)) {
    const task = scorer === null ? "only gives embeddings" : `was trained for ${scorer.trainedFor}`;
    throw new HttpProblem(
      "wrong_task",
      `\`model\`: expected a model for ${wanted.join(" or ")}; \`${name}\` ${task} (GET /v1/models lists the models)`,
    );
  }
  if (route === "/rerank" && scorer.labels.length !== 1)
    throw new HttpProblem(
      "wrong_task",
      `\`model\`: expected a re-ranker with one score, got ${scorer.labels.length} labels (use /predict)`,
    );
  return scorer;
}

/** The routes for which `scorerOf` has a scorer. */
export function taskRoutesOf(scorer: ScorerFacts | null): TaskRoute[] {
  if (scorer === null) return [];
  return (Object.keys(tasksOfRoute) as TaskRoute[]).filter((route) => {
    const wanted: readonly TaskName[] = tasksOfRoute[route];
    return wanted.includes(scorer.task.name) && (route !== "/rerank" || scorer.labels.length === 1);
  });
}
