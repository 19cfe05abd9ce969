/**
 * @file The published packages in an empty folder: installed from tarballs with a plain `npm install`, used as the README says.
 */
import { PACKAGED_MODEL } from "@stagecoach/transformer/node";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { fixtures, repository, tinyEncoder } from "../harness/paths.ts";
import { cleanEnv } from "../harness/startServer.ts";

const golden = JSON.parse(readFileSync(`${tinyEncoder}/golden.json`, "utf8")) as {
  texts: string[];
  embeddings: number[][];
};

const packaged = JSON.parse(readFileSync(`${fixtures}packaged-model.json`, "utf8")) as {
  texts: string[];
  vectors: number[][];
};

describe("the published packages", () => {
  let folder: string;
  // Not a setting of ours: what a user has who knows nothing of onnxruntime's install script.
  const env = cleanEnv();
  delete env["ONNXRUNTIME_NODE_INSTALL"];

  beforeAll(() => {
    execFileSync("npm", ["run", "pack", "--silent"], { cwd: repository, stdio: "ignore" });
    // A name with a dot, as folders of nvm and npx have: what lies below is served all the same.
    folder = mkdtempSync(join(tmpdir(), ".stagecoach-installed-"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "a-user", private: true, type: "module" }));
    const packages = join(repository, ".cache/packages");
    const foreign = /onnxruntime-(?!PLATFORM-)/.source.replace("PLATFORM", `${process.platform}-${process.arch}`);
    const tarballs = readdirSync(packages).filter((name) => !new RegExp(foreign).test(name));
    execFileSync("npm", ["install", "--no-audit", "--no-fund", ...tarballs.map((name) => join(packages, name))], {
      cwd: folder,
      env,
      stdio: "pipe",
    });
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    { model: tinyEncoder, texts: golden.texts, expected: golden.embeddings, limit: 1e-6 },
    { model: PACKAGED_MODEL, texts: packaged.texts, expected: packaged.vectors, limit: 1e-5 },
  ])("loadEncoder() of $model gives the vectors of sentence-transformers", ({ model, texts, expected, limit }) => {
    const program = `
      import { loadEncoder } from "stagecoach";
      await using encoder = await loadEncoder(${JSON.stringify(model)}, { threads: 1 });
      const vectors = await encoder.encode(${JSON.stringify(texts)});
      console.log(JSON.stringify(vectors.map((vector) => [...vector])));`;
    writeFileSync(join(folder, "program.js"), program);
    const printed = execFileSync(process.execPath, ["program.js"], { cwd: folder, env, encoding: "utf8" });
    const vectors = JSON.parse(printed) as number[][];
    expect(Math.max(...vectors.map((vector, index) => largestError(vector, expected[index]!)))).toBeLessThan(limit);
  });

  test("npx stagecoach serve answers", async () => {
    const server = spawn(
      "npx",
      [
        "stagecoach",
        "serve",
        "--model",
        tinyEncoder,
        "--port",
        "0",
        "--stages",
        "2",
        "--data-dir",
        join(folder, "data"),
      ],
      {
        cwd: folder,
        env,
        stdio: ["ignore", "pipe", "inherit"],
        detached: true,
      },
    );
    try {
      const url = await new Promise<string>((resolve, reject) => {
        let text = "";
        server.stdout.setEncoding("utf8").on("data", (part: string) => {
          text += part;
          const found = /(http:\/\/\S+)\/v1\/embeddings/.exec(text);
          if (found) resolve(found[1]!);
        });
        server.once("exit", (code) => reject(new Error(`npx stagecoach serve ended with ${code}`)));
      });
      const response = await fetch(`${url}/v1/embeddings`, {
        method: "POST",
        body: JSON.stringify({ input: golden.texts }),
      });
      const { data } = (await response.json()) as { data: { embedding: number[] }[] };
      expect(
        Math.max(...data.map(({ embedding }, index) => largestError(embedding, golden.embeddings[index]!))),
      ).toBeLessThan(1e-6);
      expect((await fetch(`${url}/docs/assets/swagger-ui-bundle.js`)).status).toBe(200);
      const page = await (await fetch(url, { headers: { accept: "text/html" } })).text();
      const [script] = /\/console\/[^"]+\.js/.exec(page)!;
      expect((await fetch(`${url}${script}`)).status).toBe(200);
    } finally {
      process.kill(-server.pid!, "SIGTERM");
    }
  });

  test("who asks for traces without having OpenTelemetry's SDK is told what to install", () => {
    const { status, stderr } = spawnSync("npx", ["stagecoach", "serve", "--model", tinyEncoder, "--port", "0"], {
      cwd: folder,
      env: { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" },
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching(
        /^stagecoach: tracing: .*@opentelemetry\/sdk-trace.* is not installed \(npm install @opentelemetry\//m,
      ) as string,
    });
  });

  test("every package is complete: types are there, sources and tests are not", () => {
    for (const name of [
      "stagecoach",
      "@stagecoach/graph",
      "@stagecoach/engine",
      "@stagecoach/transformer",
      "@stagecoach/tokenizer",
      "@stagecoach/training",
      "@stagecoach/parallel",
      "@stagecoach/stage-worker",
    ]) {
      const installed = join(folder, "node_modules", name);
      const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
      expect(files, name).toContain(join("dist", "index.d.ts"));
      expect(
        files.filter((file) => /\.test\.|(^|\/)src\/|fixtures/.test(file)),
        name,
      ).toEqual([]);
      const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
        license: string;
        scripts?: unknown;
      };
      expect(manifest.license).toBe("Apache-2.0");
      expect(manifest.scripts, `${name} runs nothing at install`).toBeUndefined();
    }
  });
});
