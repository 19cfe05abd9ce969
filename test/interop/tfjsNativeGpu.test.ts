/** @file tfjs-node-gpu against the conformance suite, where `npm run engine:tfjs -- gpu` has been run and there is a GPU. */
import { loadTfjs, probeEngines } from "@stagecoach/engine/node";
import { describe } from "vitest";
import { engineCases } from "../conformance/engine.case.ts";
import { leakCases } from "../conformance/leak.case.ts";

const probe = (await probeEngines(["tfjs-node-gpu"]))[0]!;
const reason = probe.available ? "" : ` (skipped: ${probe.reason})`;

const load = () => loadTfjs({ variant: "tfjs-node-gpu", threads: 2 });

describe.skipIf(!probe.available)(`tfjs-node-gpu${reason}`, () => {
  engineCases(load);
  leakCases(load);
});
