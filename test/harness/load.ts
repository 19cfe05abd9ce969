/** @file Clients without retries that ask for known vectors and notice every wrong answer. */
import { largestError } from "../golden/compareEncoder.ts";
import type { TestServer } from "./startServer.ts";

export type LoadReport = {
  readonly answered: number;
  /** Answers other than 200, or none at all. */
  readonly failures: readonly string[];
  /** Answers with another vector than the text's own. */
  readonly wrong: number;
  readonly slowestMs: number;
};

export type LoadOptions = {
  readonly texts: readonly string[];
  readonly embeddings: readonly (readonly number[])[];
  readonly clients: number;
  /** Clients ask until this returns false. */
  readonly goesOn: () => boolean;
};

const TOLERANCE = 1e-5;

/** Each client asks for one or a few texts at a time, one request after another. */
export async function runLoad(
  server: Pick<TestServer, "post">,
  { texts, embeddings, clients, goesOn }: LoadOptions,
): Promise<LoadReport> {
  const failures: string[] = [];
  let [answered, wrong, slowestMs] = [0, 0, 0];
  const client = async (number: number) => {
    for (let turn = 0; goesOn(); turn++) {
      const indices = Array.from(
        { length: 1 + ((number + turn) % 4) },
        (_, offset) => (number * 5 + turn * 3 + offset) % texts.length,
      );
      const started = performance.now();
      try {
        const response = await server.post("/v1/embeddings", { input: indices.map((index) => texts[index]) });
        slowestMs = Math.max(slowestMs, performance.now() - started);
        if (response.status !== 200) {
          failures.push(`${response.status} ${await response.text()}`);
          continue;
        }
        const { data } = (await response.json()) as { data: { embedding: number[] }[] };
        const isRight =
          data.length === indices.length &&
          indices.every((index, place) => largestError(data[place]!.embedding, embeddings[index]!) < TOLERANCE);
        if (isRight) answered++;
        else wrong++;
      } catch (error) {
        failures.push(
          error instanceof Error
            ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}`
            : String(error),
        );
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return { answered, failures, wrong, slowestMs };
}

/** Value of one series in a scrape; 0 when it is not there. */
export function metric(text: string, series: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

/** Sum of all series of a metric. */
export function metricSum(text: string, name: string): number {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
