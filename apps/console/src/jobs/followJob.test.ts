import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { followJob, type Connection } from "./followJob.ts";
import { JobHistory } from "./jobHistory.ts";

const event = (id: string, step: number) =>
  `id: ${id}\ndata: ${JSON.stringify({ id, type: "metrics", message: "", data: { step, train_loss: 1 / step } })}\n\n`;
const stream = (...parts: string[]) => new Response(new Blob(parts).stream());
const end = "event: end\ndata: {}\n\n";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("localStorage", { getItem: () => null });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Follows a job whose server answers so, one request after the other, until the last answer is read. */
async function follow(answers: readonly (() => Response)[]) {
  const asked: { url: string; after: string | null }[] = [];
  const left = [...answers];
  vi.stubGlobal("fetch", async (url: string, { headers }: { headers: Headers }) => {
    asked.push({ url, after: headers.get("last-event-id") });
    return left.shift()!();
  });
  const history = new JobHistory();
  const connections: Connection[] = [];
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const leave = followJob("ftjob-1", {
    history,
    onChange: () => {},
    onConnection: (connection) => {
      if (connections.at(-1) !== connection) connections.push(connection);
      if (connection === "ended") resolve(null);
      if (connection === "lost") void vi.advanceTimersByTimeAsync(2000);
    },
    onRefused: resolve,
  });
  const refusal = await promise;
  leave();
  return { history, asked, connections, refusal };
}

const refused = (status: number) => () => Response.json({ error: { message: "no" } }, { status });

describe("followJob()", () => {
  test("goes on behind the last event when the stream breaks", async () => {
    const { history, asked, connections } = await follow([
      () => stream(event("e1", 1), event("e2", 2)),
      refused(503),
      () => stream(event("e3", 3), end),
    ]);
    expect(history.series("train_loss").steps).toEqual([1, 2, 3]);
    expect(asked.map(({ after }) => after)).toEqual([null, "e2", "e2"]);
    expect(connections).toEqual(["live", "lost", "live", "ended"]);
  });

  test("ends where the server has nothing more to say of a job that has ended", async () => {
    const { asked, connections } = await follow([
      () => stream(event("e1", 1)),
      () => new Response(null, { status: 204 }),
      () => Response.json({ status: "succeeded" }),
    ]);
    expect(connections).toEqual(["live", "lost", "ended"]);
    expect(asked.at(-1)!.url).toBe("/v1/fine_tuning/jobs/ftjob-1");
  });

  test("stops asking for a job that is not there", async () => {
    const { asked, refusal } = await follow([refused(404)]);
    expect(asked).toHaveLength(1);
    expect(refusal).toMatchObject({ name: "ApiError", status: 404 });
  });
});
