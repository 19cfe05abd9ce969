/** @file A process that loads one engine, says how that went in one line of JSON, and ends (probeEngines.ts). */
import { EngineUnavailableError } from "../errors.ts";
import { engineNames, loadEngine, type EngineName } from "./engines.ts";
import type { EngineProbe } from "./probeEngines.ts";

const name = engineNames.find((each) => each === process.argv[2]);
if (name === undefined) throw new Error(`internal: no engine is named "${process.argv[2]}"`);
const answer = await probe(name);
process.stdout.write(`${JSON.stringify(answer)}\n`);

async function probe(engineName: EngineName): Promise<EngineProbe> {
  try {
    const engine = await loadEngine(engineName, { threads: 1 });
    return { name: engineName, available: true, description: engine.description };
  } catch (error) {
    if (!(error instanceof EngineUnavailableError)) throw error;
    return { name: engineName, available: false, reason: error.reason, remedy: error.remedy };
  }
}
