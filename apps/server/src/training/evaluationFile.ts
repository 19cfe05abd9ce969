/** @file What the best model of a run gets wrong, in the job's folder: written when it is evaluated, read when the run is over. */
import type { EvaluationReport } from "@stagecoach/training";
import { replaceDurably } from "@stagecoach/training/node";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { jobPaths } from "./jobFolder.ts";

/** In the place of an earlier one of the same set. @throws TrainingError `disk_full` */
export async function keepEvaluation(folder: string, report: EvaluationReport): Promise<void> {
  const others = (await readEvaluations(folder)).filter(({ split }) => split !== report.split);
  await replaceDurably(jobPaths(folder).evaluations, `${JSON.stringify([...others, report])}\n`);
}

/** @param step - of the checkpoint that they have to be of */
export async function evaluationsOf(folder: string, step: number): Promise<EvaluationReport[]> {
  return (await readEvaluations(folder)).filter((report) => report.step === step);
}

async function readEvaluations(folder: string): Promise<EvaluationReport[]> {
  const path = jobPaths(folder).evaluations;
  return existsSync(path) ? (JSON.parse(await readFile(path, "utf8")) as EvaluationReport[]) : [];
}
