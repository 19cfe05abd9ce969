/** @file ONNX Runtime with its profiler on: time of each operator, over all sessions of a process. */
import type { OrtModule } from "@stagecoach/engine";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./pairs.ts";

type ProfiledSession = { endProfiling(): void };
type Event = {
  readonly cat: string;
  readonly name: string;
  readonly dur: number;
  readonly args: Readonly<Record<string, string>>;
};

export type Profile = {
  readonly ort: OrtModule;
  /**
   * Milliseconds of a run by `<session>.<operator>`, sessions in the order in which they were made, and of all that
   * the run does (`<session>.run`). Each node counts with the median of its runs. Ends the profile.
   */
  breakdown(): Record<string, number>;
};

export function profiled(ort: OrtModule): Profile {
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-profile-"));
  const sessions: ProfiledSession[] = [];
  const create: OrtModule["InferenceSession"]["create"] = async (model, options) => {
    const profileFilePrefix = join(folder, `session-${String(sessions.length).padStart(2, "0")}`);
    const session = await ort.InferenceSession.create(model, {
      ...options,
      enableProfiling: true,
      profileFilePrefix,
    } as typeof options);
    sessions.push(session as unknown as ProfiledSession);
    return session;
  };
  return {
    ort: { InferenceSession: { create }, Tensor: ort.Tensor },
    breakdown() {
      sessions.forEach((session) => session.endProfiling());
      const times: Record<string, number> = {};
      for (const file of readdirSync(folder).toSorted()) {
        const session = Number(/session-(\d+)/.exec(file)![1]);
        for (const [operator, ms] of operatorTimes(JSON.parse(readFileSync(join(folder, file), "utf8")) as Event[]))
          times[`${session}.${operator}`] = ms;
      }
      return Object.fromEntries(Object.entries(times).toSorted(([, a], [, b]) => b - a));
    },
  };
}

function operatorTimes(events: readonly Event[]): Map<string, number> {
  const runs = new Map<string, { readonly operator: string; readonly times: number[] }>();
  for (const { cat, name, dur, args } of events) {
    const isNode = cat === "Node" && name.endsWith("_kernel_time");
    if (!isNode && name !== "model_run") continue;
    const run = runs.get(name) ?? { operator: isNode ? args["op_name"]! : "run", times: [] };
    run.times.push(dur / 1000);
    runs.set(name, run);
  }
  const totals = new Map<string, number>();
  for (const { operator, times } of runs.values()) totals.set(operator, (totals.get(operator) ?? 0) + median(times));
  return totals;
}
