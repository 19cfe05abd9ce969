/**
 * @file Events of a job as they come, as server-sent events (WHATWG HTML, 9.2).
 *
 * Each event is OpenAI's object, with its id as the stream's: who comes back with `Last-Event-ID` gets what it has missed.
 * `progress` says where the job is, and is not repeated; `end` carries the job once it has ended, and closes the stream.
 */
import type { Request, Response } from "express";
import type { JobNotice, JobProgress } from "../jobs/jobFeed.ts";
import type { Jobs } from "../jobs/openJobs.ts";
import { endedStatuses } from "../store/schema.ts";
import { eventCard, jobCard } from "./jobSchemas.ts";

const KEEP_ALIVE_MS = 15_000;
const PAGE = 100;

/** @throws what an unknown job, or an unknown `Last-Event-ID`, throws, before anything was sent */
export async function streamJobEvents(
  jobs: Jobs,
  jobId: string,
  { request, response }: { readonly request: Request; readonly response: Response },
): Promise<void> {
  const { store, feed } = jobs;
  await jobs.find(jobId);
  let last = request.get("last-event-id") || undefined;
  const watch = watchJob(jobs, jobId, response);
  try {
    let events = await store.history.eventsSince(jobId, { after: last, limit: PAGE });
    // An EventSource comes back when its stream has closed; this answer, and no other, keeps it from doing so again.
    if (last !== undefined && events.length === 0 && endedStatuses.includes((await jobs.find(jobId)).status)) {
      response.status(204).end();
      return;
    }
    response.status(200).set({ "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    response.flushHeaders();
    for (;;) {
      // Before the events are read: what comes after this job's end cannot be missed then.
      const job = await jobs.find(jobId);
      events = await store.history.eventsSince(jobId, { after: last, limit: PAGE });
      for (const event of events) {
        write(response, { id: event.id, data: eventCard(event) });
        last = event.id;
      }
      if (events.length === PAGE) {
        if (!(await watch.drained())) break;
        continue;
      }
      if (endedStatuses.includes(job.status)) {
        write(response, { event: "end", data: jobCard(job, feed.progressOf(jobId), nowSeconds()) });
        break;
      }
      const progress = watch.takeProgress();
      if (progress !== null) write(response, { event: "progress", data: progressCard(progress) });
      if (!(await watch.next())) break;
    }
    response.end();
  } finally {
    watch.leave();
  }
}

type Message = { readonly id?: string; readonly event?: string; readonly data: object };

/** JSON has no line breaks, so one line of data is enough. */
function write(response: Response, { id, event, data }: Message): void {
  const head = `${id === undefined ? "" : `id: ${id}\n`}${event === undefined ? "" : `event: ${event}\n`}`;
  response.write(`${head}data: ${JSON.stringify(data)}\n\n`);
}

function progressCard({ step, totalSteps, secondsLeft, trainedTokens, metrics }: JobProgress) {
  return { step, total_steps: totalSteps, seconds_left: secondsLeft, trained_tokens: trainedTokens, metrics };
}

/** What happens between two looks at the store is remembered, and progress is kept only as it is now: a slow client gets less of it. */
function watchJob({ feed }: Jobs, jobId: string, response: Response) {
  let progress: JobProgress | null = feed.progressOf(jobId);
  let isOver = false;
  let isNews = false;
  let wakeUp = () => {};
  const tell = (notice: JobNotice) => {
    if (notice.kind === "progress") progress = notice.progress;
    if (notice.kind === "closed") isOver = true;
    isNews = true;
    wakeUp();
  };
  const leaveFeed = feed.watch(jobId, tell);
  const onClose = () => tell({ kind: "closed" });
  response.once("close", onClose);
  const keepAlive = setInterval(() => {
    if (response.headersSent) response.write(": \n\n");
  }, KEEP_ALIVE_MS);
  return {
    takeProgress() {
      const taken = progress;
      progress = null;
      return taken;
    },
    /** Resolves when there is something new, and with false when the stream is over. */
    async next(): Promise<boolean> {
      if (!isNews && !isOver) await new Promise<void>((resolve) => (wakeUp = resolve));
      isNews = false;
      return this.drained();
    },
    /** Resolves when the client has taken what was sent, and with false when the stream is over. */
    async drained(): Promise<boolean> {
      if (response.writableNeedDrain && !isOver) await new Promise<void>((resolve) => onceDrained(response, resolve));
      return !isOver;
    },
    leave() {
      leaveFeed();
      response.off("close", onClose);
      clearInterval(keepAlive);
    },
  };
}

function onceDrained(response: Response, resolve: () => void): void {
  const done = () => {
    response.off("drain", done);
    response.off("close", done);
    resolve();
  };
  response.on("drain", done);
  response.on("close", done);
}

const nowSeconds = () => Math.floor(Date.now() / 1000);
