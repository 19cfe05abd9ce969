/**
 * @file A client that sends single texts at a fixed rate, whether or not those before have been answered, in a process of its own.
 *
 * usage: pacedClient.ts URL TEXTS.json   Then lines in: `RATE SECONDS`; one JSON line out each: latencies in ms, and errors. A
 * latency counts from the moment at which the request was due, so that a client that is held up hides nothing.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const [url, textsFile] = process.argv.slice(2);
const target = new URL("/v1/embeddings", url);
const texts = JSON.parse(readFileSync(textsFile!, "utf8")) as string[];
const agent = new Agent({ keepAlive: true });
let next = 0;

for await (const line of createInterface({ input: process.stdin })) {
  const [rate, seconds] = line.split(" ").map(Number) as [number, number];
  console.log(JSON.stringify(await measure(rate, seconds)));
}
agent.destroy();

async function measure(rate: number, seconds: number) {
  const started = performance.now();
  let errors = 0;
  const one = async (due: number) => {
    await pause(Math.max(0, due - performance.now()));
    const status = await post(JSON.stringify({ input: texts[next++ % texts.length] }));
    if (status !== 200) errors++;
    return performance.now() - due;
  };
  const numRequests = Math.round(rate * seconds);
  const all = Array.from({ length: numRequests }, (_, index) => one(started + (1000 * index) / rate));
  return { latencies: await Promise.all(all), errors };
}

function post(body: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request(target, { method: "POST", agent, headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", () => resolve(0));
    sent.end(body);
  });
}
