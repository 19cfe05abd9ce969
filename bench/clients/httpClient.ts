/**
 * @file A client that keeps a number of requests under way, in a process of its own, and says what it cost itself.
 *
 * usage: httpClient.ts URL TEXTS.json   Then lines in: `CONCURRENCY TEXTS_PER_REQUEST NUM_TEXTS`; one JSON line out each:
 * texts per second, median and 99th percentile of the latency in ms, errors, CPU seconds of this process.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";

const [url, textsFile] = process.argv.slice(2);
const target = new URL("/v1/embeddings", url);
const texts = JSON.parse(readFileSync(textsFile!, "utf8")) as string[];

for await (const line of createInterface({ input: process.stdin })) {
  const [concurrency, perRequest, numTexts] = line.split(" ").map(Number) as [number, number, number];
  console.log(JSON.stringify(await measure(concurrency, perRequest, numTexts)));
}

async function measure(concurrency: number, perRequest: number, numTexts: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const latencies: number[] = [];
  let [next, errors] = [0, 0];
  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const worker = async () => {
    while (next < numTexts) {
      const batch = Array.from(
        { length: Math.min(perRequest, numTexts - next) },
        (_, offset) => texts[(next + offset) % texts.length]!,
      );
      next += batch.length;
      const sent = performance.now();
      const status = await post(agent, JSON.stringify({ input: perRequest === 1 ? batch[0] : batch }));
      latencies.push(performance.now() - sent);
      if (status !== 200) errors++;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  agent.destroy();
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    rate: numTexts / seconds,
    p50: sorted[Math.floor(sorted.length / 2)],
    p99: sorted[Math.floor(sorted.length * 0.99)],
    errors,
    seconds,
    cpuSeconds: (user + system) / 1e6,
  };
}

function post(agent: Agent, body: string): Promise<number> {
  return new Promise((resolve) => {
    const sent = request(
      target,
      {
        method: "POST",
        agent,
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    sent.on("error", () => resolve(0));
    sent.end(body);
  });
}
