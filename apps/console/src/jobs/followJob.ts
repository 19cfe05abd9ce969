/** @file Fills a job's history from the server's stream, which is opened again when it breaks. */
import { ApiError, call } from "../api/client.ts";
import { eventStream } from "../api/eventStream.ts";
import type { JobHistory } from "./jobHistory.ts";
import { jobPath } from "./jobQueries.ts";
import { isOver, type Job, type JobEvent, type JobProgress } from "./jobTypes.ts";

export type Connection = "opening" | "live" | "lost" | "ended";

type FollowOptions = {
  readonly history: JobHistory;
  /** After events, at most four times a second. `isNews`: something other than progress and metrics was told. */
  readonly onChange: (isNews: boolean) => void;
  readonly onConnection: (connection: Connection) => void;
  /** The server refuses: nothing more will come. */
  readonly onRefused: (error: ApiError) => void;
};

const CHANGE_MS = 250;
const RETRY_MS = 2000;
/** A long history comes in at once: so long it may keep the page from answering. */
const BUSY_MS = 30;

/** @returns how to leave */
export function followJob(jobId: string, options: FollowOptions): () => void {
  const { history, onChange, onConnection, onRefused } = options;
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isNews = false;
  const tell = () => {
    timer = undefined;
    onChange(isNews);
    isNews = false;
  };
  const readStream = async (): Promise<"ended" | "silent" | "broken"> => {
    let outcome: "silent" | "broken" = "silent";
    let busySince = performance.now();
    const { lastEventId } = history;
    const path = `${jobPath(jobId)}/events?stream=true`;
    for await (const { event, data } of eventStream(path, { signal: abort.signal, lastEventId })) {
      outcome = "broken";
      onConnection("live");
      if (event === "progress") history.progress = JSON.parse(data) as JobProgress;
      else if (event === "message") {
        const told = JSON.parse(data) as JobEvent;
        history.add(told);
        isNews ||= told.type === "message";
      } else isNews = true;
      timer ??= setTimeout(tell, CHANGE_MS);
      if (event === "end") return "ended";
      if (performance.now() - busySince < BUSY_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      busySince = performance.now();
    }
    return outcome;
  };
  const run = async () => {
    while (!abort.signal.aborted) {
      try {
        const outcome = await readStream();
        // Of a job that has ended, and was told of to its end, the server says nothing more.
        const isAllTold = outcome === "silent" && isOver(await call<Job>(jobPath(jobId)));
        if (outcome === "ended" || isAllTold) return onConnection("ended");
      } catch (error) {
        if (abort.signal.aborted) return undefined;
        if (error instanceof ApiError && error.status < 500) return onRefused(error);
      }
      onConnection("lost");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
    return undefined;
  };
  void run();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}
