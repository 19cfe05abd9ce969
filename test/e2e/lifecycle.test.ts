/** @file How a server starts, refuses to start, stops, and what it remembers from one start to the next. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { metric } from "../harness/load.ts";
import { changeWeights, copyModel, editHeader, editJson } from "../harness/modelFolders.ts";
import { RawConnection } from "../harness/rawConnection.ts";
import { repository, tinyEncoder } from "../harness/paths.ts";
import {
  cleanEnv,
  freePort,
  launchServer,
  requestsTo,
  stagecoach,
  startServer,
  type TestServer,
} from "../harness/startServer.ts";
import { eventually } from "../harness/eventually.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "stagecoach-lifecycle-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const USAGE = 2;

/** Run `stagecoach serve` to its end: it is expected to refuse. */
async function refusal(flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stderr, stdout } = await stagecoach(
    ["serve", "--port", "0", "--data-dir", join(folder, "data"), ...flags],
    { env },
  );
  return { code, stderr, stdout };
}

/** The last words of a process, without lines of its log. */
function lastWords(stderr: string): string {
  return stderr
    .split("\n")
    .filter((line) => !line.startsWith("{"))
    .join("\n")
    .trim();
}

/** Stage workers whose settings name a folder: their environment is what they were started with. */
function workersOn(modelFolder: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(modelFolder);
    } catch {
      return false; // ended, or not ours
    }
  });
}

describe("stopping", () => {
  const large = Array.from({ length: 1500 }, (_, index) => golden.texts[index % golden.texts.length]!);

  async function inFlight(server: TestServer, count: number) {
    const requests = Array.from({ length: count }, () =>
      server.post("/embed", { inputs: large }, { connection: "close" }),
    );
    await eventually(async () => {
      const scrape = await (await server.get("/metrics")).text();
      expect(metric(scrape, "stagecoach_http_requests_in_progress")).toBe(count);
      expect(metric(scrape, "stagecoach_queue_texts")).toBeGreaterThan(0);
    });
    return requests;
  }

  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s under load: what was accepted is finished, nothing is cut off, exit code 0",
    async (signal) => {
      await using server = await startServer({ flags: ["--stages", "2"] });
      const requests = await inFlight(server, 6);
      const workers = server.workerPids().map(({ pid }) => pid);
      server.process.kill(signal);
      await eventually(() => expect(server.log()).toContain("stopping"));
      await expect(fetch(`${server.url}/health`)).rejects.toThrow("fetch failed");
      const answers = await Promise.all(requests);
      for (const answer of answers) {
        expect(answer.status).toBe(200);
        const vectors = (await answer.json()) as number[][];
        const errors = vectors.map((vector, index) =>
          largestError(vector, golden.embeddings[index % golden.texts.length]!),
        );
        expect(errors.length).toBe(large.length);
        expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
      }
      expect(await server.exited).toBe(0);
      expect(workers.length).toBe(2);
      expect(workers.filter((pid) => readdirSync("/proc").includes(String(pid)))).toEqual([]);
      expect(server.log()).not.toContain("worker lost");
    },
  );

  test("SIGTERM to npm start ends the server behind it, which finishes what was accepted", async () => {
    const port = await freePort();
    const dataDir = join(folder, "npm-start");
    const flags = [
      "--model",
      tinyEncoder,
      "--stages",
      "2",
      "--threads",
      "1",
      "--data-dir",
      dataDir,
      "--port",
      String(port),
    ];
    const npm = spawn("npm", ["start", "--silent", "--", ...flags], {
      cwd: repository,
      env: cleanEnv(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    npm.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
    const server = requestsTo(`http://127.0.0.1:${port}`);
    await eventually(async () => expect((await server.get("/health")).status).toBe(200), { timeout: 60_000 });
    let isAnswered = true;
    let request = Promise.reject<Response>(new Error("nothing was asked"));
    request.catch(() => {});
    await eventually(async () => {
      // One that was answered between two looks is followed by another.
      if (isAnswered) {
        isAnswered = false;
        request = server.post("/embed", { inputs: large }).finally(() => (isAnswered = true));
      }
      expect(metric(await (await server.get("/metrics")).text(), "stagecoach_http_requests_in_progress")).toBe(1);
    });
    npm.kill("SIGTERM");
    const answer = await request;
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as unknown[]).length).toBe(large.length);
    await eventually(() => expect(server.get("/livez")).rejects.toThrow("fetch failed"));
    await eventually(() => expect(log.split("worker: worker stopped").length - 1).toBe(2));
  });

  test("connections that send nothing, or are kept, do not hold up the end", async () => {
    await using server = await startServer();
    const silent = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(server.url)));
    expect((await server.get("/health")).status).toBe(200);
    const started = performance.now();
    server.process.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    // The end would wait for them for 30 seconds.
    expect(performance.now() - started).toBeLessThan(15_000);
    for (const each of silent) await each.closed;
  });

  test("--shutdown-timeout cuts off what does not end", async () => {
    await using server = await startServer({
      flags: ["--shutdown-timeout", "1", "--stage-timeout", "60", "--stages", "2"],
    });
    const { pid } = server.workerPids().find(({ stage }) => stage === 1)!;
    process.kill(pid, "SIGSTOP");
    const request = server.post("/embed", { inputs: "a" }).catch((error: unknown) => error);
    await eventually(async () =>
      expect(metric(await (await server.get("/metrics")).text(), "stagecoach_http_requests_in_progress")).toBe(1),
    );
    const started = performance.now();
    server.process.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    // Without it: 30 seconds.
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(await request).toBeInstanceOf(Error);
    expect(readdirSync("/proc")).not.toContain(String(pid));
  });

  test("SIGTERM at any moment of the start ends it, and its workers, with exit code 0", async () => {
    using model = copyModel();
    for (const [line, delayMs] of [
      ["worker started", 0],
      ["worker joined", 0],
      ['"state":"loading"', 0],
      ["", 400],
    ] as const) {
      await using server = launchServer({ model: model.folder, flags: ["--stages", "2"] });
      await pause(delayMs);
      await eventually(() => expect(server.log()).toContain(line), { interval: 5, timeout: 60_000 });
      const started = performance.now();
      server.process.kill("SIGTERM");
      const code = await server.exited;
      // Before the program has taken over signals, the system ends it.
      expect(line === "" ? [0, "SIGTERM"] : [0]).toContain(code);
      expect(performance.now() - started).toBeLessThan(15_000);
      await eventually(() => expect(workersOn(model.folder)).toEqual([]));
    }
  });
});

describe("the data folder", () => {
  test("the same model is served again; another under its name is refused, unless it has another name or is to replace it", async () => {
    const dataDir = join(folder, "remembers");
    using model = copyModel();
    using other = copyModel(changeWeights);
    const start = async (modelFolder: string, flags: readonly string[] = []) => {
      await using server = await startServer({ model: modelFolder, dataDir, flags });
      return (await server.post("/embed", { inputs: "a" })).status;
    };
    expect(await start(model.folder)).toBe(200);
    expect(await start(model.folder)).toBe(200);

    const { code, stderr } = await refusal(["--model", other.folder, "--data-dir", dataDir]);
    expect(code).toBe(USAGE);
    const words = lastWords(stderr);
    expect(words).toMatch(
      /^stagecoach: the data folder .*remembers has served other vectors under the name "tiny-encoder"/,
    );
    for (const way of ["--served-model-name", "--data-dir", "--replace-model"]) expect(words).toContain(way);
    expect(words.split("\n").length).toBe(1);
    expect(workersOn(other.folder)).toEqual([]);

    expect(await start(other.folder, ["--served-model-name", "other"])).toBe(200);
    expect(await start(other.folder, ["--replace-model"])).toBe(200);
    expect(await start(other.folder)).toBe(200);
    expect((await refusal(["--model", model.folder, "--data-dir", dataDir])).code).toBe(USAGE);
  });

  test("other pooling, or another tokenizer beside the same weights, is another model too", async () => {
    const dataDir = join(folder, "remembers-details");
    using model = copyModel();
    {
      await using _ = await startServer({ model: model.folder, dataDir });
    }
    const pooled = await refusal(["--model", model.folder, "--data-dir", dataDir, "--pooling", "cls"]);
    expect([pooled.code, lastWords(pooled.stderr)]).toEqual([
      USAGE,
      expect.stringContaining("has served other vectors"),
    ]);
    editJson(join(model.folder, "tokenizer.json"), {
      normalizer: {
        type: "BertNormalizer",
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: false,
      },
    });
    const cased = await refusal(["--model", model.folder, "--data-dir", dataDir]);
    expect([cased.code, lastWords(cased.stderr)]).toEqual([USAGE, expect.stringContaining("has served other vectors")]);
  });

  test("a damaged record, or a file where the folder should be, is a clear message", async () => {
    const dataDir = mkdtempSync(join(folder, "damaged-"));
    writeFileSync(join(dataDir, "served-models.json"), '{"tiny-enc');
    const damaged = await refusal(["--data-dir", dataDir, "--model", "test/fixtures/tiny-encoder"]);
    expect(damaged.code).toBe(USAGE);
    expect(lastWords(damaged.stderr)).toMatch(/^stagecoach: .*served-models\.json: expected a record of served models/);
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const noFolder = await refusal(["--data-dir", file, "--model", "test/fixtures/tiny-encoder"]);
    expect(noFolder.code).toBe(USAGE);
    expect(lastWords(noFolder.stderr)).toMatch(/^stagecoach: .*a-file.*--data-dir/);
    expect(lastWords(noFolder.stderr)).not.toMatch(/^ +at /m);
  });
});

describe("settings", () => {
  test.each([
    [["--stagez", "2"], "--stages"],
    [["--max-batch-token", "2"], "--max-batch-tokens"],
    [["--aip-key", "2"], "--api-key"],
  ])("the unknown flag %s names the nearest one", async (flags, nearest) => {
    const { code, stderr } = await refusal(flags);
    expect(code).toBe(USAGE);
    expect(stderr).toContain(`unknown option '${flags[0]}'`);
    expect(stderr).toContain(`Did you mean ${nearest}?`);
  });

  test("an unknown environment variable names the nearest one", async () => {
    const { code, stderr } = await refusal([], { STAGECOACH_MAX_BATCH_TOKEN: "5" });
    expect(code).toBe(USAGE);
    expect(lastWords(stderr)).toBe(
      "stagecoach: environment: unknown variable STAGECOACH_MAX_BATCH_TOKEN (did you mean STAGECOACH_MAX_BATCH_TOKENS?)",
    );
  });

  test("values that do not fit are all named at once, with where they were given", async () => {
    const config = join(folder, "wrong.json");
    writeFileSync(config, JSON.stringify({ replicas: 0, stagez: 1, logLevel: "loud", threads: true }));
    const { code, stderr } = await refusal(["--config", config, "--port", "99999", "--stages", "two"], {
      STAGECOACH_PAYLOAD_LIMIT: "much",
    });
    expect(code).toBe(USAGE);
    const words = lastWords(stderr);
    for (const part of [
      "--port:",
      "--stages:",
      "STAGECOACH_PAYLOAD_LIMIT:",
      '"replicas" in',
      '"logLevel" in',
      '"threads" in',
    ]) {
      expect(words).toContain(part);
    }
    expect(words).toContain('unknown setting "stagez" (did you mean stages?)');
  });

  test("flags go before the environment, the environment before the config file", async () => {
    const config = join(folder, "config.json");
    writeFileSync(config, JSON.stringify({ stages: 3, replicas: 3, maxBatchTokens: 3, apiKey: ["secret-in-file"] }));
    const env = {
      STAGECOACH_STAGES: "2",
      STAGECOACH_REPLICAS: "2",
      STAGECOACH_JOIN_TOKEN: "secret-in-env",
      STAGECOACH_PORT: "",
    };
    const { code, stdout } = await stagecoach(["serve", "--print-config", "--config", config, "--stages", "1"], {
      env,
    });
    expect(code).toBe(0);
    const printed = JSON.parse(stdout) as Record<string, unknown>;
    expect(printed).toMatchObject({ stages: 1, replicas: 2, maxBatchTokens: 3, port: 8080, host: "127.0.0.1" });
    expect(printed).toMatchObject({ apiKey: "(set)", joinToken: "(set)" });
    expect(stdout).not.toContain("secret");
    const fromEnv = await stagecoach(["serve", "--print-config"], { env: { STAGECOACH_CONFIG: config } });
    expect(JSON.parse(fromEnv.stdout)).toMatchObject({ stages: 3 });
    const plain = await stagecoach(["serve", "--print-config"]);
    expect(JSON.parse(plain.stdout)).toMatchObject({ apiKey: [] });
  });

  test("a config file that is not there, or no JSON, is named", async () => {
    const missing = await refusal(["--config", join(folder, "nowhere.json")]);
    expect([missing.code, lastWords(missing.stderr)]).toEqual([
      USAGE,
      expect.stringMatching(/nowhere\.json: cannot be read/),
    ]);
    const path = join(folder, "half.json");
    writeFileSync(path, '{"stages":');
    const half = await refusal(["--config", path]);
    expect([half.code, lastWords(half.stderr)]).toEqual([USAGE, expect.stringMatching(/half\.json: expected JSON/)]);
  });

  test("workers from elsewhere need a token that somebody knows, and places that there are", async () => {
    const { code, stderr } = await refusal(["--external-workers", "3", "--stages", "2"]);
    expect(code).toBe(USAGE);
    expect(lastWords(stderr)).toContain("--join-token");
    expect(lastWords(stderr)).toContain("expected at most 2 (stages times replicas), got 3");
    const nowhere = await refusal(["--worker-host", "0.0.0.0"]);
    expect([nowhere.code, lastWords(nowhere.stderr)]).toEqual([USAGE, expect.stringContaining("set --advertise-host")]);
  });

  test("more stages than layers is refused with the number of layers", async () => {
    const { code, stderr } = await refusal(["--model", "test/fixtures/tiny-encoder", "--stages", "5"]);
    expect([code, lastWords(stderr)]).toEqual([
      USAGE,
      "stagecoach: planStages: 4 layers cannot fill 5 stages; start at most 4 workers",
    ]);
  });

  test.each(["--port", "--worker-port"])("%s that is taken is named", async (flag) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await refusal(["--model", "test/fixtures/tiny-encoder", flag, String(port)]);
    await new Promise((resolve) => taken.close(resolve));
    expect(code).toBe(USAGE);
    expect(lastWords(stderr)).toMatch(new RegExp(`^stagecoach: cannot listen on 127.0.0.1:${port}: .*another ${flag}`));
  });
});

describe("models that cannot be served", () => {
  const broken: readonly {
    readonly name: string;
    readonly change: (model: string) => void;
    readonly message: RegExp;
  }[] = [
    { name: "without a config", change: (model) => rmSync(join(model, "config.json")), message: /config\.json/ },
    {
      name: "without weights",
      change: (model) => rmSync(join(model, "model.safetensors")),
      message: /model\.safetensors/,
    },
    {
      name: "without a tokenizer",
      change: (model) => rmSync(join(model, "tokenizer.json")),
      message: /tokenizer\.json/,
    },
    {
      name: "of an unknown architecture",
      change: (model) =>
        editJson(join(model, "config.json"), { model_type: "llama", architectures: ["LlamaForCausalLM"] }),
      message: /"model_type": expected one of bert.*roberta.*got "llama".*LlamaForCausalLM/,
    },
    {
      name: "whose heads do not divide its size",
      change: (model) => editJson(join(model, "config.json"), { num_attention_heads: 5 }),
      message: /hidden size 32 is not a multiple of the 5 attention heads/,
    },
    {
      name: "whose config is no JSON",
      change: (model) => writeFileSync(join(model, "config.json"), '{"model_type":'),
      message: /config\.json: expected JSON/,
    },
    {
      name: "whose tokenizer is no JSON",
      change: (model) => writeFileSync(join(model, "tokenizer.json"), '{"version":'),
      message: /tokenizer\.json/,
    },
    {
      name: "with a weight that this architecture does not know",
      change: (model) =>
        editHeader(join(model, "model.safetensors"), (tensors) => {
          // The pooler is not needed: nothing is missing.
          tensors["encoder.layer.1.adapter.bias"] = tensors["pooler.dense.bias"]!;
          delete tensors["pooler.dense.bias"];
        }),
      message: /does not know: encoder\.layer\.1\.adapter\.bias/,
    },
    {
      name: "whose weights are truncated",
      change: (model) => truncateSync(join(model, "model.safetensors"), 100_000),
      message: /model\.safetensors: .*(expected|truncated)/,
    },
    {
      name: "whose weights end inside of the header",
      change: (model) => truncateSync(join(model, "model.safetensors"), 500),
      message: /model\.safetensors: .*expected/,
    },
    {
      name: "whose weights are an empty file",
      change: (model) => truncateSync(join(model, "model.safetensors"), 0),
      message: /model\.safetensors: .*expected/,
    },
    {
      name: "whose header claims 2 GB",
      change: (model) => {
        const path = join(model, "model.safetensors");
        const file = readFileSync(path);
        file.writeBigUInt64LE(2n ** 31n, 0);
        writeFileSync(path, file);
      },
      message: /model\.safetensors: .*expected.*2147483648/,
    },
    {
      name: "with offsets out of range",
      change: (model) =>
        editHeader(join(model, "model.safetensors"), (tensors) => {
          const last = Object.values(tensors).reduce((a, b) =>
            (b.data_offsets?.[1] ?? 0) > (a.data_offsets?.[1] ?? 0) ? b : a,
          );
          last.data_offsets = [last.data_offsets[0] + 2 ** 40, last.data_offsets[1] + 2 ** 40];
        }),
      message: /model\.safetensors: tensor .*expected/,
    },
    {
      name: "with tensors that overlap",
      change: (model) =>
        editHeader(join(model, "model.safetensors"), (tensors) => {
          tensors["encoder.layer.0.output.dense.bias"]!.data_offsets = [
            ...tensors["encoder.layer.1.output.dense.bias"]!.data_offsets,
          ];
        }),
      message: /model\.safetensors: tensor .*expected/,
    },
    {
      name: "with a weight that is missing",
      change: (model) =>
        editHeader(join(model, "model.safetensors"), (tensors) => {
          tensors["encoder.layer.2.mystery"] = tensors["encoder.layer.2.attention.self.query.weight"]!;
          delete tensors["encoder.layer.2.attention.self.query.weight"];
        }),
      message: /encoder\.layer\.2\.(attention\.self\.query\.weight|mystery)/,
    },
    {
      name: "with a weight of another shape",
      change: (model) => editJson(join(model, "config.json"), { intermediate_size: 48 }),
      message: /intermediate\.dense.*\[48, 32\].*\[64, 32\]|\[64, 32\].*\[48, 32\]/,
    },
    {
      name: "with a module that nobody knows",
      change: (model) =>
        writeFileSync(join(model, "modules.json"), '[{"idx":0,"name":"0","path":"","type":"a.b.Whisper"}]'),
      message: /modules\.json: expected a Transformer.*Whisper/,
    },
  ];

  test.each(broken)("$name: exit code 2, one clear message, no worker left", async ({ change, message }) => {
    using model = copyModel(change);
    const { code, stderr, stdout } = await refusal([
      "--model",
      model.folder,
      "--stages",
      "2",
      "--data-dir",
      join(model.folder, "data"),
    ]);
    const words = lastWords(stderr);
    expect(words).toMatch(/^stagecoach: /);
    expect(words).toMatch(message);
    expect(words).not.toMatch(/^ +at /m);
    expect(words.split("\n").length).toBe(1);
    expect(code).toBe(USAGE);
    expect(stdout).toBe("");
    await eventually(() => expect(workersOn(model.folder)).toEqual([]));
  });

  test("a folder that does not exist", async () => {
    const { code, stderr } = await refusal(["--model", "./no/such/folder"]);
    expect([code, lastWords(stderr)]).toEqual([USAGE, expect.stringMatching(/no\/such\/folder.*no such folder/)]);
  });

  test("a hub id that is not in the cache, offline: the three ways out", async () => {
    const env = { HF_HUB_OFFLINE: "1", HF_HOME: join(folder, "hf-home") };
    const { code, stderr } = await refusal(["--model", "sentence-transformers/all-MiniLM-L6-v2"], env);
    expect(code).toBe(USAGE);
    const words = lastWords(stderr);
    expect(words).toMatch(
      /^stagecoach: sentence-transformers\/all-MiniLM-L6-v2: expected the model in the cache or on the hub/,
    );
    expect(words).toMatch(/^ {2}1\. Give a folder: --model/m);
    expect(words).toMatch(/^ {2}2\. Bring the cache: .*hf-home\/hub/m);
    expect(words).toMatch(/^ {2}3\. Allow the network: unset HF_HUB_OFFLINE/m);
    expect(words).not.toMatch(/^ +at /m);
  });
});
