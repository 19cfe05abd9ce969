/** @file The commands of deploy/compose.yaml, run as they stand but for the names of machines and the port: there is no Docker here. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { eventually } from "../harness/eventually.ts";
import { golden } from "../harness/goldenSentences.ts";
import { repository } from "../harness/paths.ts";
import { freePort, launchServer, requestsTo, startWorker } from "../harness/startServer.ts";

const { services } = parse(readFileSync(join(repository, "deploy/compose.yaml"), "utf8"), { merge: true }) as {
  readonly services: Readonly<
    Record<string, { readonly command: readonly string[]; readonly volumes: readonly string[] }>
  >;
};

test.each(["worker-0", "worker-1"])("%s finds each model at the server's path", (worker) => {
  const placesOf = (name: string) => services[name]!.volumes.map((volume) => volume.split(":").slice(0, 2).join(":"));
  expect(placesOf(worker).toSorted()).toEqual(placesOf("server").toSorted());
});

test("the server of compose.yaml and its two workers answer a request", async () => {
  const [port, workerPort] = [await freePort(), await freePort()];
  const here = (name: string) =>
    services[name]!.command.slice(1).map((word) =>
      word.replace(/=(wss:\/\/)?(server|worker-\d)\b/, "=$1127.0.0.1").replace("7001", String(workerPort)),
    );
  const env = { STAGECOACH_JOIN_TOKEN: "t".repeat(32) };
  await using server = launchServer({ flags: [...here("server"), "--port", String(port)], env });
  await eventually(() => expect(server.log()).toContain("waiting for workers"));
  await using first = startWorker(here("worker-0"), { env });
  await using second = startWorker(here("worker-1"), { env });
  const { get, post } = requestsTo(`http://127.0.0.1:${port}`);
  const log = () => server.log() + first.log() + second.log();
  await eventually(async () => expect((await get("/readyz")).status, log()).toBe(200));
  expect((await post("/v1/embeddings", { input: golden.texts })).status).toBe(200);
});
