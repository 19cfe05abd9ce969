/** @file The reference engine against the conformance suite, and every gradient rule against finite differences in float64. */
import { createReferenceEngine } from "@stagecoach/engine";
import { describe } from "vitest";
import { engineCases } from "./engine.case.ts";
import { finiteDifferencesSuite } from "./suites/finiteDifferences.suite.ts";

describe("reference engine", () => {
  engineCases(() => Promise.resolve(createReferenceEngine()));
});
finiteDifferencesSuite();
