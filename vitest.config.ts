/** @file Test suites. `npm test` runs all but `interop`, which needs programs outside npm (`npm run test:interop`). */
import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

const conditions = ["@stagecoach/source", ...defaultServerConditions];

/** Suites that start processes of their own get the machine to themselves. */
const suite = (name: string, include: string[], options: { timeoutMs?: number; alone?: boolean } = {}) => ({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    name,
    include,
    pool: "forks" as const,
    execArgv: ["--conditions=@stagecoach/source"],
    testTimeout: options.timeoutMs ?? 20_000,
    hookTimeout: options.timeoutMs ?? 60_000,
    fileParallelism: !options.alone,
  },
});

export default defineConfig({
  test: {
    projects: [
      suite("unit", ["libs/**/*.test.ts", "apps/**/*.test.ts", "tools/**/*.test.ts"]),
      suite("conformance", ["test/conformance/**/*.test.ts"], { timeoutMs: 120_000 }),
      suite("golden", ["test/golden/**/*.test.ts"], { timeoutMs: 120_000 }),
      suite("parity", ["test/parity/**/*.test.ts"], { timeoutMs: 120_000 }),
      suite("e2e", ["test/e2e/**/*.test.ts"], { timeoutMs: 120_000, alone: true }),
      suite("faults", ["test/faults/**/*.test.ts"], { timeoutMs: 300_000, alone: true }),
      suite("interop", ["test/interop/**/*.test.ts"], { timeoutMs: 600_000, alone: true }),
    ],
  },
});
