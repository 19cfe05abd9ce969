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
  const refusal = refusalOf(scorer, name, route);
  if (scorer !== null && refusal === null) return scorer;
  throw new HttpProblem("wrong_task", `\`model\`: expected ${refusal}`);
}

/** The routes for which `scorerOf` has a scorer. */
export function taskRoutesOf(scorer: ScorerFacts | null): TaskRoute[] {
  return (Object.keys(tasksOfRoute) as TaskRoute[]).filter((route) => refusalOf(scorer, "", route) === null);
}

/** What a route expects and does not have in a model, as the end of a sentence; null where it takes the model. */
function refusalOf(scorer: ScorerFacts | null, name: string, route: TaskRoute): string | null {
  const wanted: readonly TaskName[] = tasksOfRoute[route];
  if (scorer === null || !wanted.includes(scorer.task.name)) {
    const task = scorer === null ? "only gives embeddings" : `was trained for ${scorer.trainedFor}`;
    return `a model for ${wanted.join(" or ")}; \`${name}\` ${task} (GET /v1/models lists the models)`;
  }
  if (route === "/rerank" && scorer.labels.length !== 1)
    return `a re-ranker with one score, got ${scorer.labels.length} labels (use /predict)`;
  return null;
}
