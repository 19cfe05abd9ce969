/** @file The wasm backend of TensorFlow.js against the conformance suite. */
import { loadTfjs } from "@stagecoach/engine/node";
import { describe } from "vitest";
import { engineCases } from "./engine.case.ts";
import { leakCases } from "./leak.case.ts";

const load = () => loadTfjs({ variant: "tfjs-wasm", threads: 1 });

describe("tfjs-wasm", () => {
  engineCases(load);
  leakCases(load);
});
