/**
 * @file Which engines load on this machine.
 *
 * Each is tried in a process of its own: a native library takes hundreds of megabytes, stays loaded, and may abort.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { engineNames, type EngineName } from "./engines.ts";
import { programBeside } from "./programBeside.ts";

/** `tfjs-node-gpu` is available where it loads and sees a GPU. */
export type EngineProbe =
  | { readonly name: EngineName; readonly available: true; readonly description: string }
  | { readonly name: EngineName; readonly available: false; readonly reason: string; readonly remedy: string };

const PROBE_TIMEOUT_MS = 60_000;

export async function probeEngines(names: readonly EngineName[] = engineNames): Promise<EngineProbe[]> {
  const probes: EngineProbe[] = [];
  for (const name of names) probes.push(await probe(name));
  return probes;
}

function probe(name: EngineName): Promise<EngineProbe> {
  const program = fileURLToPath(programBeside(import.meta.url, "probeMain"));
  const conditions = program.endsWith(".ts") ? ["--conditions=@stagecoach/source"] : [];
  return new Promise((resolve) => {
    const options = { timeout: PROBE_TIMEOUT_MS, killSignal: "SIGKILL", encoding: "utf8" } as const;
    execFile(process.execPath, [...conditions, program, name], options, (error, stdout, stderr) => {
      const answer = stdout.split("\n").findLast((line) => line.startsWith("{"));
      if (answer !== undefined) return resolve(JSON.parse(answer) as EngineProbe);
      const ending = error?.signal ? `was ended by ${error.signal}` : `ended with code ${error?.code ?? 0}`;
      const said = stderr.trim().split("\n").at(-1) ?? "";
      resolve({
        name,
        available: false,
        reason: `the process that tried it ${ending}${said === "" ? "" : `: ${said}`}`,
        remedy: "choose another engine, or look at what it wrote to stderr",
      });
    });
  });
}
