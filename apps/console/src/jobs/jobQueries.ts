/** @file What is asked of the server about jobs, and how often. */
import { keepPreviousData, queryOptions, useQuery, type QueryClient } from "@tanstack/react-query";
import { call, request } from "../api/client.ts";
import { JobHistory } from "./jobHistory.ts";
import { isOver, type Job, type JobEvent, type Listed, type Trial } from "./jobTypes.ts";

/** While a job has not ended. */
const WATCH_MS = 2000;
const EVENTS_OF_A_PAGE = 1000;

export const jobPath = (id: string): string => `/v1/fine_tuning/jobs/${encodeURIComponent(id)}`;

export function jobQuery(id: string) {
  return queryOptions({
    queryKey: ["job", id],
    queryFn: () => call<Job>(jobPath(id)),
    refetchInterval: ({ state }) => (state.data !== undefined && isOver(state.data) ? false : WATCH_MS),
  });
}

export function trialsQuery(job: Job) {
  return queryOptions({
    queryKey: ["trials", job.id, job.status],
    queryFn: async () => (await call<Listed<Trial>>(`${jobPath(job.id)}/trials`)).data,
    enabled: job.method.supervised.search !== undefined,
    refetchInterval: isOver(job) ? false : WATCH_MS,
    placeholderData: keepPreviousData,
  });
}

/** The picture of a search as an address that an image can have: the route may want a key, which images do not send. */
export function useTrialsPicture(job: Job, isWanted: boolean) {
  return useQuery({
    queryKey: ["trialsPicture", job.id, job.status],
    queryFn: async () => {
      const svg = await (await request(`${jobPath(job.id)}/trials.svg`)).text();
      return `data:image/svg+xml,${encodeURIComponent(svg)}`;
    },
    enabled: isWanted,
    placeholderData: keepPreviousData,
    refetchInterval: isOver(job) ? false : 5000,
  });
}

export const historyKey = (id: string) => ["history", id];

export type ReadHistory = { readonly history: JobHistory; readonly lastEventId: string; readonly isWhole: boolean };

/**
 * What a job has told, read as pages. The route has the newest first, so that of a history that was read before only what came since is
 * read: it is the same object, and only the event that it ends with is another.
 */
export async function readHistory(job: Job, client: QueryClient): Promise<ReadHistory> {
  const { id } = job;
  const history = client.getQueryData<ReadHistory>(historyKey(id))?.history ?? new JobHistory();
  const news: JobEvent[] = [];
  for (let after = "", hasMore = true; hasMore;) {
    const cursor = after === "" ? "" : `&after=${after}`;
    const page = await call<Listed<JobEvent>>(`${jobPath(id)}/events?limit=${EVENTS_OF_A_PAGE}${cursor}`);
    const known = page.data.findIndex((event) => event.id === history.lastEventId);
    news.push(...(known === -1 ? page.data : page.data.slice(0, known)));
    hasMore = page.has_more && known === -1;
    after = page.data.at(-1)?.id ?? "";
  }
  for (const event of news.toReversed()) history.add(event);
  return { history, lastEventId: history.lastEventId, isWhole: isOver(job) };
}
