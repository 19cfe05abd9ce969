/**
 * @file Lint rules, and the direction of dependencies between the packages (docs/ARCHITECTURE.md).
 *
 * `mayImport` is the whole truth about who may import whom. Everything outside a folder named `node` must run wherever
 * JavaScript runs (a browser tab is to become a stage worker), so it may neither import `node:` modules nor native packages.
 */
import { defineConfig } from "oxlint";

const packages = ["graph", "engine", "transformer", "tokenizer", "training", "parallel", "stage-worker"] as const;

const mayImport: Record<string, readonly string[]> = {
  "libs/graph": [],
  "libs/engine": ["graph"],
  "libs/transformer": ["graph"],
  "libs/tokenizer": [],
  "libs/training": ["graph", "engine", "transformer", "tokenizer"],
  "libs/parallel": ["graph", "engine", "transformer"],
  "apps/stage-worker": ["graph", "engine", "transformer", "training", "parallel"],
  "apps/console": [],
  "apps/server": ["graph", "engine", "transformer", "tokenizer", "training", "parallel", "stage-worker"],
};

const nameOf = (name: string) => `@stagecoach/${name}`;

/** Forbidden imports of one package: our own packages outside its list, and paths that leave the package. */
function forbidden(allowed: readonly string[], isPortable: boolean): ["error", { patterns: object[] }] {
  const banned = packages.filter((name) => !allowed.includes(name)).map(nameOf);
  const patterns = [
    {
      group: ["stagecoach", ...banned.flatMap((name) => [name, `${name}/*`])],
      message: `the direction of dependencies (oxlint.config.ts, docs/ARCHITECTURE.md) does not allow this import`,
    },
    {
      regex: `(^|/)(libs|apps)/|^(\\.\\./)+(${packages.join("|")}|server)/(src|dist)/|^@stagecoach/[^/]+/(src|dist)/`,
      message: "enter a package through its exports",
    },
  ];
  const portable = {
    group: ["node:*", "ws", "express", "onnxruntime-*", "@tensorflow/*", "@stagecoach/*/node"],
    message:
      "portable code: sockets, files, processes, threads and engines are handed in (folders named `node` may import them)",
  };
  return ["error", { patterns: isPortable ? [...patterns, portable] : patterns }];
}

const boundaries = Object.entries(mayImport).flatMap(([folder, allowed]) => {
  if (folder.startsWith("apps/")) {
    return [{ files: [`${folder}/src/**/*.{ts,tsx}`], rules: { "no-restricted-imports": forbidden(allowed, false) } }];
  }
  return [
    {
      files: [`${folder}/src/**/*.ts`],
      rules: {
        "no-restricted-imports": forbidden(allowed, true),
        "no-restricted-globals": ["error", "process", "Buffer", "require", "__dirname", "__filename"],
      },
    },
    {
      files: [`${folder}/src/node/**/*.ts`, `${folder}/src/**/*.test.ts`],
      rules: { "no-restricted-imports": forbidden(allowed, false), "no-restricted-globals": "off" },
    },
  ];
});

export default defineConfig({
  plugins: ["typescript", "import", "unicorn", "oxc", "promise", "vitest", "react", "jsx-a11y"],
  categories: { correctness: "error", suspicious: "error" },
  ignorePatterns: ["dist", "**/dist/**", ".engines", ".nx", "**/fixtures/**"],
  rules: {
    "import/no-cycle": "error",
    "no-console": "error",
    "typescript/no-unsafe-type-assertion": "off",
    "unicorn/consistent-function-scoping": "off",
    "promise/always-return": "off",
    "max-lines": ["warn", { max: 400, skipBlankLines: true, skipComments: true }],
    "max-params": ["error", { max: 3 }],
    "typescript/consistent-type-imports": "error",
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": "error",
    "typescript/only-throw-error": "error",
    "typescript/switch-exhaustiveness-check": "error",
    "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    eqeqeq: ["error", "smart"],
    "prefer-const": "error",
  },
  overrides: [
    ...boundaries,
    {
      files: ["**/*.test.ts", "test/**/*.ts", "bench/**/*.ts"],
      rules: {
        "max-lines": ["warn", { max: 600, skipBlankLines: true, skipComments: true }],
        // A second argument says of which of several values an assertion failed.
        "vitest/valid-expect": ["error", { maxArgs: 2 }],
        // Functions of a test file that hold its assertions are named so.
        "vitest/expect-expect": ["error", { assertFunctionNames: ["expect*"] }],
      },
    },
    {
      files: ["apps/console/src/**"],
      rules: {
        // The compiler imports what JSX needs, and the bundler takes style sheets.
        "react/react-in-jsx-scope": "off",
        "import/no-unassigned-import": ["error", { allow: ["**/*.css"] }],
      },
    },
    { files: ["bench/**/*.{ts,mjs}", "tools/**/*.ts", "**/main.ts"], rules: { "no-console": "off" } },
  ],
});
