/**
 * @file What every engine must do: a suite as a function, called once per engine (`*.test.ts` beside this file).
 *
 * Each operation forward and backward against PyTorch and against the reference engine; the contract of
 * libs/engine/src/engine.ts; symbolic sizes; extreme values; equal bytes in repeated runs; fused operations.
 */
import type { Engine } from "@stagecoach/engine";
import { afterAll, beforeAll, expect, test, type TestContext } from "vitest";
import { contractSuite } from "./suites/contract.suite.ts";
import { determinismSuite } from "./suites/determinism.suite.ts";
import { extremesSuite } from "./suites/extremes.suite.ts";
import { fusionSuite } from "./suites/fusion.suite.ts";
import { operationsSuite } from "./suites/operations.suite.ts";
import { symbolsSuite } from "./suites/symbols.suite.ts";

/** What the parts of the suite are given. */
export type Conformance = {
  /** The engine; from the first test on. */
  readonly engine: () => Engine;
  /** A test, unless it is skipped for this engine; then its name says why. */
  readonly claim: (name: string, check: (context: TestContext) => void | Promise<void>) => void;
};

/**
 * @param engineFactory - called once, before the first test
 * @param skip - names of tests that this engine does not pass, with the reason
 */
export function engineCases(
  engineFactory: () => Promise<Engine>,
  skip: Readonly<Partial<Record<string, string>>> = {},
): void {
  let engine: Engine | undefined;
  beforeAll(async () => {
    engine = await engineFactory();
  });
  afterAll(() => engine?.dispose());

  const conformance: Conformance = {
    engine() {
      if (engine === undefined) throw new Error("the engine did not load");
      return engine;
    },
    claim(name, check) {
      const reason = skip[name];
      test(`${name}${reason === undefined ? "" : ` (skipped: ${reason})`}`, async (context) => {
        context.skip(reason !== undefined, reason);
        expect.hasAssertions();
        await check(context);
      });
    },
  };
  operationsSuite(conformance);
  contractSuite(conformance);
  symbolsSuite(conformance);
  extremesSuite(conformance);
  determinismSuite(conformance);
  fusionSuite(conformance);
}
