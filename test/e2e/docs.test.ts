/** @file What the documents say is what the program does. */
import { closeCodes, encodeFrame, frameKinds, PROTOCOL_VERSION } from "@stagecoach/parallel";
import { crc32 } from "@stagecoach/parallel/node";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { fromGateway, fromWorker } from "../../libs/parallel/src/control.ts";
import { repository } from "../harness/paths.ts";
import { stagecoach, startServer } from "../harness/startServer.ts";

const read = (path: string) => readFileSync(join(repository, path), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(repository, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

describe("the documents", () => {
  test("docs/METRICS.md lists the metrics of a running server, with their types", async () => {
    await using server = await startServer();
    const live = async () => {
      const scrape = await (await server.get("/metrics")).text();
      return [...scrape.matchAll(/^# TYPE (stagecoach_\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);
    };
    const listed = (text: string) =>
      [...text.matchAll(/^\| `(stagecoach_\w+)`\s*\| (\w+)/gm)].map(([, name, type]) => `${name} ${type}`);
    const text = read("docs/METRICS.md");
    const [always] = text.split("Files and jobs have metrics once they are in use") as [string, string];
    expect(listed(always).toSorted()).toEqual((await live()).toSorted());
    expect((await server.get("/v1/files")).status).toBe(200);
    expect(listed(text).toSorted()).toEqual((await live()).toSorted());
  });

  test("README lists the routes of a running server", async () => {
    await using server = await startServer();
    const { paths } = (await (await server.get("/openapi.json")).json()) as { paths: Record<string, unknown> };
    const text = read("README.md");
    for (const path of Object.keys(paths).filter((each) => !each.includes("{") && each !== "/ping"))
      expect(text, path).toContain(`\`${path}\``);
  });

  test("docs/PROTOCOL.md has the version, the kinds, the close codes and the bytes of a real frame", () => {
    const text = read("docs/PROTOCOL.md");
    expect(text).toContain(`version **${PROTOCOL_VERSION}**`);
    const kinds = frameKinds.map((kind, index) => `${index + 1} \`${kind}\``).join(", ");
    expect(text).toContain(`| ${kinds} `);
    const codes = [...text.matchAll(/^\| (\d{4}) \| `(\w+)`/gm)].map(([, code, name]) => [name, Number(code)]);
    expect(Object.fromEntries(codes)).toEqual(closeCodes);

    const [header, table] = text.split("Tensor table, from byte 64 on") as [string, string];
    const values = [1, 2, 3, 4, 5, 6];
    const tensor = { name: "output", dtype: "float32", shape: [2, 3], data: Float32Array.from(values) } as const;
    const numbers = {
      epoch: 0x11111112,
      step: 0x22222223,
      run: 0x3333333333333,
      microBatch: 0x44444445,
      attempt: 0x5556,
    };
    const bytes = encodeFrame({ kind: "result", ...numbers, meta: { a: 1 }, tensors: [tensor] }, crc32);
    const magic = new DataView(new TextEncoder().encode("SGC1").buffer).getUint32(0, true);
    const sizes = { numTensors: 1, metaBytes: '{"a":1}'.length, frameBytes: bytes.length };
    const { checksum, ...fields } = fieldsAt(bytes, 0, header);
    expect(fields).toEqual({ magic, version: PROTOCOL_VERSION, kind: 4, ...numbers, ...sizes });
    new DataView(bytes.buffer).setUint32(48, 0);
    expect(checksum).toBe(crc32(bytes));
    expect(fieldsAt(bytes, 64, table)).toEqual({ dtype: 1, rank: 2 });
    expect([...new BigUint64Array(bytes.buffer, 64 + 32, 4)]).toEqual([2n, 3n, 0n, 0n]);
    // Header, one entry of the table, JSON, tensor: each fills 64 bytes.
    expect([bytes.length, ...new Float32Array(bytes.buffer, 192, 6)]).toEqual([256, ...values]);
  });

  test("docs/PROTOCOL.md has the control messages, each with its fields", () => {
    const text = read("docs/PROTOCOL.md");
    const listed = (...senders: string[]) =>
      Object.fromEntries(senders.flatMap((sender) => fieldsOfTable(text, `from ${sender}`)));
    expect(listed("worker", "stage")).toEqual(Object.fromEntries(fromWorker.options.map(fieldsOfMessage)));
    expect(listed("gateway", "trainer")).toEqual(Object.fromEntries(fromGateway.options.map(fieldsOfMessage)));
    const [, listedOfModel] = /`model` is `\{([^}]*)\}`/.exec(text)!;
    const { model } = Object.assign({}, ...fromGateway.options.map(({ shape }) => shape)) as { model: z.ZodObject };
    expect(listedOfModel!.split(", ").toSorted()).toEqual(fieldsOf(model));
  });

  test("README lists the commands", async () => {
    const { stdout } = await stagecoach(["--help"]);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!).filter((name) => name !== "help");
    expect(commands.length).toBeGreaterThan(4);
    for (const command of commands) expect(read("README.md")).toMatch(new RegExp(`^\\| \`${command}[ \`]`, "m"));
  });

  test("docs/TRAINING.md names flags that the commands have", async () => {
    const commands = [["train"], ["evaluate"], ["data", "preview"], ["tokenizer", "train"]];
    const helps = await Promise.all(commands.map((command) => stagecoach([...command, "--help"])));
    const known = new Set(helps.flatMap(({ stdout }) => stdout.match(/--[a-z][\w-]*/g) ?? []));
    const named = new Set(read("docs/TRAINING.md").match(/--[a-z][\w-]*/g));
    expect(named.size).toBeGreaterThan(20);
    expect([...named].filter((flag) => !known.has(flag) && flag !== "--help")).toEqual([]);
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

/** The numbers of a frame at the places, and of the types, that a table of the document says. */
function fieldsAt(bytes: Uint8Array, start: number, table: string): Record<string, number> {
  const view = new DataView(bytes.buffer);
  const rows = table.matchAll(/^\| (\d+) +\| (\d+) +\| u(\d+) +\| (\w+)/gm);
  return Object.fromEntries(
    [...rows].map(([, offset, size, bits, name]) => {
      expect(Number(size) * 8, name).toBe(Number(bits));
      const at = start + Number(offset);
      const value = { 8: view.getUint8(at), 16: view.getUint16(at, true), 32: view.getUint32(at, true) }[Number(bits)];
      return [name, value ?? Number(view.getBigUint64(at, true))];
    }),
  );
}

/** Kinds of messages, and their fields, in the table whose first column has this name. */
function fieldsOfTable(text: string, name: string): (readonly [string, readonly string[]])[] {
  const [table = ""] = new RegExp(`^\\| ${name} +\\|.*\\n.*\\n(?:\\|.*\\n)+`, "m").exec(text) ?? [];
  const rows = table.split("\n").slice(2, -1);
  return rows.map((row) => {
    const cells = row.split("|").slice(1);
    const [kinds, fields] = cells.map((cell) => [...cell.matchAll(/`([\w?]+)`/g)].map(([, word]) => word!));
    return [kinds![0]!, fields!.toSorted()];
  });
}

type Message = z.ZodObject<{ readonly kind: z.ZodLiteral<string> }>;

function fieldsOfMessage(message: Message): readonly [string, readonly string[]] {
  return [message.shape.kind.value, fieldsOf(message).filter((name) => name !== "kind")];
}

/** A `?` behind those that may be left out. */
function fieldsOf({ shape }: z.ZodObject): readonly string[] {
  const fields = Object.entries(shape).map(([name, type]) => (type.safeParse(undefined).success ? `${name}?` : name));
  return fields.toSorted();
}
