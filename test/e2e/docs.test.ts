/** @file What the documents say is what the program does. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { repository } from "../harness/paths.ts";
import { stagecoach, startServer } from "../harness/startServer.ts";

const read = (path: string) => readFileSync(join(repository, path), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(repository, "docs")).map((name) => `docs/${name}`),
];

describe("the documents", () => {
  test("docs/METRICS.md lists the metrics of a running server, with their types", async () => {
    await using server = await startServer();
    const scrape = await (await server.get("/metrics")).text();
    const live = [...scrape.matchAll(/^# TYPE (stagecoach_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    const documented = [...read("docs/METRICS.md").matchAll(/^\| `(stagecoach_\w+)`\s*\| (\w+)/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    expect(documented.toSorted()).toEqual(live.toSorted());
  });

  test("README lists the routes of a running server", async () => {
    await using server = await startServer();
    const { paths } = (await (await server.get("/openapi.json")).json()) as { paths: Record<string, unknown> };
    const text = read("README.md");
    for (const path of Object.keys(paths).filter((each) => !each.includes("{") && each !== "/ping"))
      expect(text, path).toContain(`\`${path}\``);
  });

  test("README lists the commands", async () => {
    const { stdout } = await stagecoach(["--help"]);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!).filter((name) => name !== "help");
    expect(commands.length).toBeGreaterThan(4);
    for (const command of commands) expect(read("README.md")).toMatch(new RegExp(`^\\| \`${command}[ \`]`, "m"));
  });

  test.each(documents)("%s: links and files that it names exist", (document) => {
    const text = read(document);
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, target]) =>
      join(dirname(document), target!),
    );
    const named = [...text.matchAll(/`((?:libs|apps|test|tools|bench|docs)\/[\w./-]+\.\w+)`/g)].map(
      ([, target]) => target!,
    );
    for (const path of [...links, ...named])
      expect(existsSync(join(repository, path)), `${document} names ${path}`).toBe(true);
  });

  test("npm scripts that they name exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    for (const document of documents) {
      for (const [, name] of read(document).matchAll(/npm run ([\w:]+)/g))
        expect(Object.keys(scripts), `${document}: npm run ${name}`).toContain(name);
    }
  });
});
