/**
 * @file A pipeline over two machines: two network namespaces with a cable between them. What goes over the cable is encrypted, both ends know
 * each other by the join token, and a pulled cable costs no wrong answer.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { largestError } from "../golden/compareEncoder.ts";
import { golden, TOLERANCE } from "../harness/goldenSentences.ts";
import { RawConnection } from "../harness/rawConnection.ts";
import {
  launchServer,
  requestsTo,
  startWorker,
  type LaunchedServer,
  type TestServer,
  type TestWorker,
} from "../harness/startServer.ts";
import { Capture, TwoMachines, whyNoNamespaces } from "../harness/twoMachines.ts";
import { eventually } from "../harness/eventually.ts";

const TOKEN = "a join token of a test, long enough to be a key";
const WORKER_PORT = 7001;
const absent = whyNoNamespaces();

describe.skipIf(absent !== null)(`a gateway on one machine, workers on another (${absent ?? "namespaces"})`, () => {
  let machines: TwoMachines;
  beforeAll(() => {
    machines = new TwoMachines();
  });
  afterAll(() => machines[Symbol.dispose]());
  afterEach(() => machines.setCable("up"));

  /** As the README says it; stage 0 is a child of the gateway. */
  function launch(flags: readonly string[]) {
    const { first, outerAddress } = machines;
    const worker = [
      "--worker-host",
      "0.0.0.0",
      "--worker-port",
      String(WORKER_PORT),
      "--advertise-host",
      first.address,
    ];
    const http = ["--host", outerAddress, "--port", "8080"];
    const launched = launchServer({
      flags: ["--stages", "2", "--join-token", TOKEN, ...worker, ...http, ...flags],
      within: first.within,
    });
    return { ...launched, ...requestsTo(`http://${outerAddress}:8080`) };
  }

  function join(token = TOKEN): TestWorker {
    const { first, second } = machines;
    const reachable = ["--listen-host", "0.0.0.0", "--advertise", second.address];
    return startWorker(["--join", `wss://${first.address}:${WORKER_PORT}`, "--token", token, ...reachable], {
      within: second.within,
    });
  }

  const until = (check: () => unknown) => eventually(check);
  const untilServing = (server: Pick<TestServer, "get">) =>
    until(async () => expect((await server.get("/health")).status).toBe(200));
  const untilJoined = (server: Pick<LaunchedServer, "log">, count: number) =>
    until(() => expect(server.log().split('"worker joined"').length - 1).toBe(count));

  async function expectRightAnswer(server: Pick<TestServer, "post">): Promise<void> {
    const response = await server.post("/v1/embeddings", { input: golden.texts });
    expect(response.status).toBe(200);
    const { data } = (await response.json()) as { data: { embedding: number[] }[] };
    const errors = data.map(({ embedding }, index) => largestError(embedding, golden.embeddings[index]!));
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
  }

  test("gives the right vectors, and nothing of them, of the token or of the protocol is on the cable in the clear", async () => {
    await using capture = await Capture.start(machines.first);
    // The worker first: it waits for its gateway, and leaves the first place to the gateway's child.
    await using worker = join();
    await using server = launch(["--external-workers", "1"]);
    await untilServing(server);
    const text = golden.texts[1]!;
    await expectRightAnswer(server);
    const vector = Buffer.from(Float32Array.from(golden.embeddings[1]!).buffer);
    const answered = await server.post("/v1/embeddings", { input: text, encoding_format: "base64" });
    const { data } = (await answered.json()) as { data: { embedding: string }[] };

    // The test's own cable shows that the capture sees what is in the clear, and has come as far as this answer.
    await until(() => expect(capture.packetsOf("outer").includes(data[0]!.embedding)).toBe(true));
    const [outer, cable] = [capture.packetsOf("outer"), capture.packetsOf("cable")];
    expect(outer.includes(text)).toBe(true);
    expect(cable.length).toBeGreaterThan(10_000);
    const words = [text, TOKEN, "Bearer", "GET /", "SGC1", "heartbeat", "sentence", "workerId"];
    for (const secret of [...words, vector.subarray(0, 12)]) expect(cable.includes(secret), String(secret)).toBe(false);
    expect(worker.log()).not.toContain(TOKEN);
  });

  test("a worker there that stands by takes over any stage here, and reaches the stage that is left", async () => {
    await using server = launch([]);
    await untilServing(server);
    await using _ = join();
    await untilJoined(server, 3);
    for (const stage of [0, 1]) {
      const { pid } = server.workerPids().find((each) => each.stage === stage)!;
      process.kill(pid, "SIGKILL");
      await expectRightAnswer(server);
      await untilJoined(server, 4 + stage);
    }
  });

  test("a pulled cable: 503 with the stage's number within the deadline; plugged in again, it serves", async () => {
    await using server = launch(["--external-workers", "1", "--request-timeout", "6"]);
    await untilJoined(server, 1);
    await using worker = join();
    await untilServing(server);
    machines.setCable("down");
    const started = performance.now();
    const response = await server.post("/embed", { inputs: "a" });
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(response.status).toBe(503);
    expect(((await response.json()) as { error: string }).error).toMatch(/^stage 1 is unavailable/);
    expect(server.log()).toContain("no heartbeat for");
    await until(() => expect(worker.log()).toContain("gateway lost"));
    machines.setCable("up");
    await untilServing(server);
    await expectRightAnswer(server);
  });

  test("without the token, nobody gets in, and a gateway without it gets no worker", async () => {
    await using server = launch(["--external-workers", "1"]);
    await untilJoined(server, 1);
    await using stranger = join("another token, which is just as long as it has to be");
    await until(() => expect(stranger.log()).toMatch(/the join token is not the gateway's/));
    const plain = startWorker(["--join", `ws://${machines.first.address}:${WORKER_PORT}`, "--token", TOKEN], {
      within: machines.second.within,
    });
    await until(() => expect(plain.log()).toMatch(/expected wss:\/\//));
    await plain[Symbol.asyncDispose]();
    // Not even the gateway's own machine gets a plain answer on the workers' port.
    using bare = await RawConnection.open(`http://${machines.outerAddress}:${WORKER_PORT}`);
    bare.write(Buffer.from(`GET /control HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`));
    await bare.closed;
    expect(bare.received()).not.toContain("HTTP/1.1");
    expect(server.log().split('"worker joined"').length - 1).toBe(1);
    expect(server.log() + stranger.log()).not.toContain("another token");
  });
});
