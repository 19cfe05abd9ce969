/**
 * @file Proof that a schedule can be executed: complete, in a possible order, within its memory, and without deadlock.
 *
 * Names nothing by its schedule's name: a list written by hand is checked like one of ours.
 */
import { ScheduleError } from "../errors.ts";
import { executeSchedule } from "./executeSchedule.ts";
import { describeAction, type Action, type PipelineSchedule } from "./schedule.ts";

/**
 * Checks, in this order:
 * 1. every stage has each forward and backward pass and each transfer with its neighbours exactly once, and one update, at the end;
 * 2. each action comes after what it needs on its own stage, and backward passes run in the order of the micro-batches;
 * 3. no stage holds more activations than `schedule.activations` says;
 * 4. each link carries its frames in the order in which they are taken;
 * 5. executed with unlimited credits, and then with `schedule.credits`, every stage comes to its end.
 *
 * @throws ScheduleError with the stage and the position of the first problem
 */
export function lintSchedule(schedule: PipelineSchedule): void {
  expectShape(schedule);
  for (const expectation of [expectEveryActionOnce, expectPossibleOrder, expectWithinMemory]) {
    for (let stage = 0; stage < schedule.numStages; stage++) expectation(schedule, stage);
  }
  for (let link = 0; link < schedule.numStages - 1; link++) {
    expectSameOrder(schedule, { link, sender: link, kinds: ["send-forward", "receive-forward"] });
    expectSameOrder(schedule, { link, sender: link + 1, kinds: ["send-backward", "receive-backward"] });
  }
  const free = {
    secondsOf: () => 0,
    links: schedule.credits.map(() => ({ latencySeconds: 0, sendSeconds: 0 })),
    commitSeconds: 0,
  };
  executeSchedule(schedule, { ...free, credits: schedule.credits.map(() => Infinity) });
  executeSchedule(schedule, { ...free, credits: schedule.credits });
}

function expectShape({ numStages, numMicroBatches, stages, activations, credits }: PipelineSchedule): void {
  const expectWhole = (what: string, count: number) => {
    if (!Number.isInteger(count) || count < 1) {
      throw new ScheduleError(`lintSchedule: ${what}: expected a whole number of at least 1, got ${count}`);
    }
  };
  const expectLength = (what: string, list: readonly unknown[], length: number) => {
    if (list.length !== length) {
      throw new ScheduleError(
        `lintSchedule: ${what}: expected ${length} entries for ${numStages} stages, got ${list.length}`,
      );
    }
  };
  expectWhole("numStages", numStages);
  expectWhole("numMicroBatches", numMicroBatches);
  expectLength("stages", stages, numStages);
  expectLength("activations", activations, numStages);
  expectLength("credits", credits, numStages - 1);
  activations.forEach((count, stage) => expectWhole(`activations of stage ${stage}`, count));
  credits.forEach((count, link) => expectWhole(`credits of link ${link}`, count));
}

type Kind = Exclude<Action["kind"], "update">;

/** What a stage does for each micro-batch, by kind: what has to be done before it on the same stage. */
function duties(stage: number, numStages: number): ReadonlyMap<Kind, readonly Kind[]> {
  const hasPrevious = stage > 0;
  const hasNext = stage < numStages - 1;
  const needs = new Map<Kind, readonly Kind[]>();
  needs.set("forward", hasPrevious ? ["receive-forward"] : []);
  needs.set("backward", hasNext ? ["forward", "receive-backward"] : ["forward"]);
  if (hasPrevious) needs.set("receive-forward", []).set("send-backward", ["backward"]);
  if (hasNext) needs.set("send-forward", ["forward"]).set("receive-backward", []);
  return needs;
}

type Place = { readonly stage: number; readonly position: number };

function refusal(schedule: PipelineSchedule, place: Place, expected: string): ScheduleError {
  const { stage, position } = place;
  const got = describeAction(schedule.stages[stage]![position]!);
  return new ScheduleError(`lintSchedule: stage ${stage}, action ${position}: expected ${expected}, got ${got}`, place);
}

function expectEveryActionOnce(schedule: PipelineSchedule, stage: number): void {
  const { numStages, numMicroBatches } = schedule;
  const actions = schedule.stages[stage]!;
  const kinds = [...duties(stage, numStages).keys()];
  const found = new Set<string>();
  actions.forEach((action, position) => {
    const refuse = (expected: string) => refusal(schedule, { stage, position }, expected);
    if (action.kind === "update") {
      if (position !== actions.length - 1) throw refuse("the update at the end");
    } else {
      const { kind, microBatch } = action;
      if (!kinds.includes(kind)) throw refuse(`one of ${[...kinds, "update"].join(", ")}`);
      if (!Number.isInteger(microBatch) || microBatch < 0 || microBatch >= numMicroBatches) {
        throw refuse(`micro-batches 0 to ${numMicroBatches - 1}`);
      }
      if (found.has(describeAction(action))) throw refuse("every action once");
    }
    found.add(describeAction(action));
  });
  const expected = Array.from({ length: numMicroBatches }, (_, microBatch) =>
    kinds.map((kind) => describeAction({ kind, microBatch })),
  );
  const missing = [...expected.flat(), "update"].find((name) => !found.has(name));
  if (missing !== undefined) {
    throw new ScheduleError(`lintSchedule: stage ${stage}: expected ${missing}, got no such action`, { stage });
  }
}

function expectPossibleOrder(schedule: PipelineSchedule, stage: number): void {
  const needs = duties(stage, schedule.numStages);
  const done = new Set<string>();
  let numBackward = 0;
  schedule.stages[stage]!.forEach((action, position) => {
    if (action.kind === "update") return;
    const { kind, microBatch } = action;
    for (const needed of needs.get(kind)!) {
      const name = describeAction({ kind: needed, microBatch });
      if (!done.has(name)) throw refusal(schedule, { stage, position }, `${name} before it`);
    }
    if (kind === "backward") {
      if (microBatch !== numBackward) {
        throw refusal(schedule, { stage, position }, `backward ${numBackward} (in order, for equal sums)`);
      }
      numBackward++;
    }
    done.add(describeAction(action));
  });
}

function expectWithinMemory(schedule: PipelineSchedule, stage: number): void {
  const most = schedule.activations[stage]!;
  let held = 0;
  schedule.stages[stage]!.forEach(({ kind }, position) => {
    if (kind === "backward") held--;
    if (kind !== "forward") return;
    if (held === most) {
      throw refusal(
        schedule,
        { stage, position },
        `a backward pass, as the stage already holds its ${most} activations`,
      );
    }
    held++;
  });
}

/** One direction of one link. */
type Way = { readonly link: number; readonly sender: number; readonly kinds: readonly [sent: Kind, taken: Kind] };

/** Frames of one direction arrive in the order in which they were sent. */
function expectSameOrder(schedule: PipelineSchedule, { link, sender, kinds }: Way): void {
  const receiver = sender === link ? link + 1 : link;
  const [sends, takes] = [listOf(schedule, sender, kinds[0]), listOf(schedule, receiver, kinds[1])];
  takes.forEach(({ microBatch, position }, index) => {
    const sent = sends[index]!.microBatch;
    if (sent === microBatch) return;
    throw new ScheduleError(
      `lintSchedule: stage ${receiver}, action ${position}: expected ${kinds[1]} ${sent}, as stage ${sender} sends in that order, got ${kinds[1]} ${microBatch}`,
      { stage: receiver, position },
    );
  });
}

function listOf(schedule: PipelineSchedule, stage: number, kind: Kind): { microBatch: number; position: number }[] {
  return schedule.stages[stage]!.flatMap((action, position) =>
    action.kind === kind ? [{ microBatch: action.microBatch, position }] : [],
  );
}
