/**
 * @file The HTTP application in this process, with files and jobs, no model, and a runner that does what the test says: what routes do,
 * without anything that computes.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { loadSettings } from "../../apps/server/src/config/loadSettings.ts";
import { createApp } from "../../apps/server/src/http/app.ts";
import type { Serving } from "../../apps/server/src/http/serving.ts";
import { LazyJobs } from "../../apps/server/src/jobs/lazyJobs.ts";
import { openJobs } from "../../apps/server/src/jobs/openJobs.ts";
import { TestJobs } from "../../apps/server/src/jobs/testing/testJobs.ts";
import { Metrics } from "../../apps/server/src/metrics/metrics.ts";
import { Topology } from "../../apps/server/src/topology/topology.ts";
import { requestsTo, type TestServer } from "./startServer.ts";

export type JobApp = AsyncDisposable &
  Pick<TestServer, "url" | "post" | "get"> & {
    /** Its jobs, runner and clock. */
    readonly test: TestJobs;
    readonly serving: Serving;
    readonly lazy: LazyJobs;
  };

export async function startJobApp(flags: { readonly apiKey?: string[] } = {}): Promise<JobApp> {
  const test = await TestJobs.open({ now: () => Math.floor(Date.now() / 1000) });
  await test.jobs.close();
  const settings = await loadSettings({ flags, env: {} });
  const metrics = new Metrics({ version: "0", numStages: 1, numReplicas: 1 });
  const lazy = new LazyJobs(async () => {
    test.jobs = await openJobs({
      ...test.options(),
      onEvent: (jobId, event) => metrics.observeJob(jobId, event),
      onStart: (jobId) => metrics.observeJobStart(jobId),
      onIdle: (jobId, end) => void metrics.observeJobEnd(jobId, end),
    });
    return test.jobs;
  });
  metrics.watchJobs(async () => {
    const jobs = await lazy.get();
    return { jobs: await jobs.counts(), files: await jobs.files.totals() };
  });
  const serving: Serving = {
    settings,
    version: "0",
    metrics,
    phase: "ready",
    problem: null,
    topology: new Topology(() => Date.now()),
    model: null,
    host: null,
    jobs: lazy,
  };
  const server = createServer(createApp(serving, pino({ level: "silent" })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...requestsTo(url),
    test,
    serving,
    lazy,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await test[Symbol.asyncDispose]();
    },
  };
}
