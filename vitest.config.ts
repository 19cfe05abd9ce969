/** @file Test suites. `npm test` runs all but `interop`, which needs programs outside npm (`npm run test:interop`). */
import { availableParallelism } from "node:os";
import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

const conditions = ["@stagecoach/source", ...defaultServerConditions];

/** Files at a time: vitest's own choice leaves one core to itself, which of two is half of the machine. */
const FILES_AT_A_TIME = Math.max(2, availableParallelism() - 1);
/** The same, where each file starts several processes. */
const SERVERS_AT_A_TIME = 2;

type SuiteOptions = {
  readonly timeoutMs?: number;
  /** Files at a time; 1 gives each the machine to itself. */
  readonly maxWorkers?: number;
  /** Suites of one place run together, those of the next one after them. */
  readonly place?: number;
};

const suite = (name: string, include: string[], options: SuiteOptions = {}) => {
  const { timeoutMs, maxWorkers = FILES_AT_A_TIME, place = 0 } = options;
  return {
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      name,
      include,
      pool: "forks" as const,
      execArgv: ["--conditions=@stagecoach/source"],
      testTimeout: timeoutMs ?? 20_000,
      hookTimeout: timeoutMs ?? 60_000,
      maxWorkers,
      sequence: { groupOrder: place },
    },
  };
};

export default defineConfig({
  test: {
    projects: [
      suite("unit", ["libs/**/*.test.ts", "apps/**/*.test.ts", "tools/**/*.test.ts"]),
      suite("conformance", ["test/conformance/**/*.test.ts"], { timeoutMs: 120_000 }),
      suite("golden", ["test/golden/**/*.test.ts"], { timeoutMs: 120_000 }),
      suite("parity", ["test/parity/**/*.test.ts"], { timeoutMs: 120_000 }),
      suite("e2e", ["test/e2e/**/*.test.ts"], { timeoutMs: 120_000, maxWorkers: SERVERS_AT_A_TIME, place: 1 }),
      suite("faults", ["test/faults/**/*.test.ts"], { timeoutMs: 300_000, maxWorkers: SERVERS_AT_A_TIME, place: 2 }),
      suite("interop", ["test/interop/**/*.test.ts"], { timeoutMs: 600_000, maxWorkers: 1, place: 3 }),
    ],
  },
});
