/** @file The direction of dependencies is held by a lint that fails (oxlint.config.ts), shown on a small tree of the same layout. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repository } from "../harness/paths.ts";

describe("the lint of the repository", () => {
  let tree: string;
  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), "stagecoach-lint-"));
    copyFileSync(join(repository, "oxlint.config.ts"), join(tree, "oxlint.config.ts"));
    symlinkSync(join(repository, "node_modules"), join(tree, "node_modules"));
    writeFileSync(join(tree, "package.json"), '{"type":"module"}');
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  const lint = (file: string, source: string) => {
    const path = join(tree, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, source);
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(repository, "node_modules/oxlint/bin/oxlint"), "--config", "oxlint.config.ts", "--format", "unix", file],
      {
        cwd: tree,
        encoding: "utf8",
      },
    );
    return { status, stdout };
  };

  test.each([
    [
      "graph may not import engine",
      "libs/graph/src/a.ts",
      'import { x } from "@stagecoach/engine";\nexport const y = x;\n',
    ],
    [
      "engine may not import transformer",
      "libs/engine/src/a.ts",
      'import { x } from "@stagecoach/transformer";\nexport const y = x;\n',
    ],
    [
      "tokenizer may not import transformer",
      "libs/tokenizer/src/a.ts",
      'import { x } from "@stagecoach/transformer";\nexport const y = x;\n',
    ],
    [
      "parallel may not import tokenizer",
      "libs/parallel/src/a.ts",
      'import { x } from "@stagecoach/tokenizer";\nexport const y = x;\n',
    ],
    [
      "a worker may not import tokenizer",
      "apps/stage-worker/src/a.ts",
      'import { x } from "@stagecoach/tokenizer";\nexport const y = x;\n',
    ],
    [
      "a worker may not import the server",
      "apps/stage-worker/src/a.ts",
      'import { x } from "stagecoach";\nexport const y = x;\n',
    ],
    [
      "nobody enters a package by its files",
      "libs/engine/src/a.ts",
      'import { x } from "../../graph/src/tensor.ts";\nexport const y = x;\n',
    ],
    [
      "portable code may not import node:",
      "libs/parallel/src/a.ts",
      'import { readFileSync } from "node:fs";\nexport const y = readFileSync;\n',
    ],
    [
      "portable code may not import ws",
      "libs/parallel/src/a.ts",
      'import { WebSocket } from "ws";\nexport const y = WebSocket;\n',
    ],
    ["portable code may not use process", "libs/graph/src/a.ts", "export const y = process.pid;\n"],
  ])("%s", (_, file, source) => {
    const { status, stdout } = lint(file, source);
    expect(status).not.toBe(0);
    expect(stdout).toMatch(/no-restricted-(imports|globals)/);
  });

  test("files may not import each other in a circle", () => {
    lint("libs/graph/src/b.ts", 'import { y } from "./a.ts";\nexport const z = () => y();\n');
    const { status, stdout } = lint(
      "libs/graph/src/a.ts",
      'import { z } from "./b.ts";\nexport const y = () => z();\n',
    );
    expect(status).not.toBe(0);
    expect(stdout).toContain("no-cycle");
  });

  test("what is allowed passes", () => {
    rmSync(join(tree, "libs"), { recursive: true });
    expect(
      lint("libs/parallel/src/node/a.ts", 'import { readFileSync } from "node:fs";\nexport const y = readFileSync;\n')
        .status,
    ).toBe(0);
    expect(lint("libs/engine/src/a.ts", 'import { x } from "@stagecoach/graph";\nexport const y = x;\n').status).toBe(
      0,
    );
  });
});
