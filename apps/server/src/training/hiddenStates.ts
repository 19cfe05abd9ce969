/** @file What a student learns of a teacher's hidden states, as a job asks for it: which of its own are compared with which. */
import { TrainingError } from "@stagecoach/training";
import { hiddenOf, type HiddenDistillation, type Task } from "@stagecoach/transformer";
import type { Hyperparameters } from "../jobs/hyperparameters.ts";
import type { StateTeaching } from "./teacher.ts";

const WEIGHT = 1;

const wrong = (message: string) => new TrainingError("training_option", message);

type States = HiddenDistillation["states"];

/**
 * Pairs of states, 0 what the embeddings give. Where none are named, all of the student's with the teacher's evenly spread, which is TinyBERT's uniform
 * mapping (Jiao et al. 2020, section 3.1); where the numbers of layers are no multiples, the nearest.
 *
 * @param asked - `student:teacher`
 * @throws TrainingError for what is no pair of states that the two have
 */
export function comparedStates(asked: readonly string[] | undefined, numOwn: number, numTheirs: number): States {
  if (asked === undefined)
    return Array.from({ length: numOwn + 1 }, (_, student) => ({
      student,
      teacher: Math.round((student * numTheirs) / numOwn),
    }));
  const states = asked.map((pair) => {
    const [student = -1, teacher = -1] = pair.split(":").map(Number);
    if (student > numOwn || teacher > numTheirs)
      throw wrong(
        `distillation layers: expected numbers from 0 (the embeddings) to ${numOwn} of the student and to ${numTheirs} of the teacher, got ${pair}`,
      );
    return { student, teacher };
  });
  const twice = states.find(({ student }, place) => states.findIndex((each) => each.student === student) < place);
  if (twice !== undefined)
    throw wrong(`distillation layers: expected each of the student's once, got ${twice.student} twice`);
  return states.toSorted((a, b) => a.student - b.student);
}

/** What a task has of it, under the names of hyper-parameters. */
export function hiddenFields(
  task: Task,
): Pick<Hyperparameters, "distillation_hidden" | "distillation_hidden_weight" | "distillation_layers"> {
  const hidden = hiddenOf(task);
  if (hidden === undefined) return {};
  return {
    distillation_hidden: hidden.loss,
    distillation_hidden_weight: hidden.weight,
    distillation_layers: hidden.states.map(({ student, teacher }) => `${student}:${teacher}`),
  };
}

/**
 * The task with what it learns of the teacher's states.
 * @param teaching - null where the job does not ask for it
 * @throws TrainingError for options that say nothing then
 */
export function withHidden(task: Task, given: Hyperparameters, teaching: StateTeaching | null): Task {
  if (teaching === null) {
    expectNothingAsked(given);
    return task;
  }
  if (given.cache_features === true)
    throw wrong(
      "distillation hidden: expected an encoder that is trained, got cache features (leave one of the two out)",
    );
  return { ...task, hidden: { ...teaching.compared, weight: given.distillation_hidden_weight ?? WEIGHT } } as Task;
}

function expectNothingAsked({
  distillation_hidden: loss,
  distillation_hidden_weight: weight,
  distillation_layers: layers,
  distillation_cache_gb: limit,
}: Hyperparameters): void {
  if (loss !== undefined)
    throw wrong("distillation hidden: it says nothing without a teacher (leave it out, or give a teacher)");
  const given = { "hidden weight": weight, layers, "cache gb": limit };
  const unused = Object.entries(given).find(([, value]) => value !== undefined);
  if (unused !== undefined)
    throw wrong(
      `distillation ${unused[0]}: it says nothing without distillation hidden (leave it out, or say mse or cosine)`,
    );
}
