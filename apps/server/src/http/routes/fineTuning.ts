/** @file OpenAI's `/v1/fine_tuning/jobs`, with a stream of events besides, and the deletion of what jobs have made. */
import { z } from "zod";
import { RefusedError } from "../../jobs/errors.ts";
import type { LazyJobs } from "../../jobs/lazyJobs.ts";
import { compareStep } from "../../jobs/measuredStep.ts";
import type { Jobs } from "../../jobs/openJobs.ts";
import { trialSchema, type Trial } from "../../jobs/searchSchema.ts";
import { trialsSvg } from "../../jobs/trialReport.ts";
import { trainingRequestSchema } from "../../jobs/trainingRequest.ts";
import type { JobRecord } from "../../store/jobRecords.ts";
import { streamJobEvents } from "../jobEventStream.ts";
import {
  checkpointCard,
  checkpointSchema,
  eventCard,
  eventSchema,
  jobCard,
  jobSchema,
  jobTimelineCard,
  jobTimelineSchema,
} from "../jobSchemas.ts";
import { actionRoute, deleteRoute, getRoute, postRoute, queryRoute, type Route } from "../route.ts";
import type { Serving } from "../serving.ts";
import { jobEvaluationRoute } from "./jobEvaluation.ts";
import { modelParameter } from "./openAi.ts";
import { validateJobRoute } from "./validateJob.ts";

const after = z.string().optional().meta({ description: "id of the last object of the page before" });
const limit = (standard: number) => z.coerce.number().int().min(1).max(1000).default(standard);

const jobsQuery = z.strictObject({
  after,
  limit: limit(20),
  metadata: z
    .union([z.literal(["null", ""]), z.record(z.string(), z.string())], {
      error: "expected metadata[key]=value, or metadata=null for jobs without metadata",
    })
    .optional()
    .meta({ description: "jobs with these entries", param: { style: "deepObject", explode: true } }),
});
const eventsQuery = z.strictObject({
  after,
  limit: limit(20),
  stream: z
    .enum(["true", "false"])
    .optional()
    .meta({ description: "true: server-sent events, from the beginning or after Last-Event-ID, until the job ends" }),
});
const checkpointsQuery = z.strictObject({ after, limit: limit(10) });

const list = <Item extends z.ZodType>(item: Item, id: string) =>
  z.object({ object: z.literal("list"), data: z.array(item), has_more: z.boolean() }).meta({ id });
const checkpointsSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(checkpointSchema),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: "ListFineTuningJobCheckpointsResponse" });
const deletedSchema = z
  .object({ id: z.string(), object: z.literal("model"), deleted: z.literal(true) })
  .meta({ id: "DeleteModelResponse" });

const ofJobs = { family: "openai", isInference: false } as const;
const ROOT = "/v1/fine_tuning/jobs";
const ONE = `${ROOT}/{fine_tuning_job_id}`;

export function fineTuningRoutes(serving: Serving, lazy: LazyJobs): Route[] {
  /** The job's card; `act` does something to it first. */
  const action = (name: "cancel" | "pause" | "resume", summary: string): Route =>
    actionRoute({
      ...ofJobs,
      path: `${ONE}/${name}`,
      summary,
      response: jobSchema,
      errors: ["not_found", "wrong_state", "jobs_unavailable"],
      async handle({ request }) {
        const jobs = await lazy.get();
        return card(jobs, await jobs.queue[name](jobIdOf(request)));
      },
    });
  return [
    postRoute({
      ...ofJobs,
      path: ROOT,
      summary: "Fine-tune a model: the job waits in the queue, and runs when its turn comes.",
      request: trainingRequestSchema,
      response: jobSchema,
      errors: ["unknown_model", "disk_full", "jobs_unavailable"],
      async handle({ body }) {
        const jobs = await lazy.get();
        return card(jobs, await jobs.create(body));
      },
    }),
    validateJobRoute(lazy),
    queryRoute({
      ...ofJobs,
      path: ROOT,
      summary: "Jobs, the newest first.",
      query: jobsQuery,
      response: list(jobSchema, "ListFineTuningJobsResponse"),
      errors: ["invalid_input", "jobs_unavailable"],
      async handle({ query }) {
        const jobs = await lazy.get();
        const { rows, hasMore } = await listJobs(jobs, query);
        return { object: "list", data: rows.map((job) => card(jobs, job)), has_more: hasMore };
      },
    }),
    getRoute({
      ...ofJobs,
      path: ONE,
      summary: "One job.",
      response: jobSchema,
      errors: ["not_found", "jobs_unavailable"],
      async handle({ request }) {
        const jobs = await lazy.get();
        return card(jobs, await jobs.find(jobIdOf(request)));
      },
    }),
    action("cancel", "Cancel a job that has not ended."),
    action("pause", "Pause a job: a running one saves a checkpoint first."),
    action("resume", "Put a paused job back into the queue; it goes on from its checkpoint."),
    queryRoute({
      ...ofJobs,
      path: `${ONE}/events`,
      summary: "What happened to a job, the newest first; as a stream with ?stream=true, or Accept: text/event-stream.",
      query: eventsQuery,
      response: list(eventSchema, "ListFineTuningJobEventsResponse"),
      errors: ["invalid_input", "not_found", "jobs_unavailable"],
      async handle({ query, request, response }) {
        const jobs = await lazy.get();
        const jobId = jobIdOf(request);
        const wantsStream =
          query.stream === undefined ? request.get("accept") === "text/event-stream" : query.stream === "true";
        if (wantsStream) return streamJobEvents(jobs, jobId, { request, response });
        await jobs.find(jobId);
        const { rows, hasMore } = await jobs.store.history.listEvents(jobId, query);
        return { object: "list", data: rows.map(eventCard), has_more: hasMore };
      },
    }),
    queryRoute({
      ...ofJobs,
      path: `${ONE}/checkpoints`,
      summary: "The checkpoints of a job that are kept, the latest first.",
      query: checkpointsQuery,
      response: checkpointsSchema,
      errors: ["invalid_input", "not_found", "jobs_unavailable"],
      async handle({ query, request }) {
        const jobs = await lazy.get();
        const job = await jobs.find(jobIdOf(request));
        const { rows, hasMore } = await jobs.store.history.listCheckpoints(job.id, query);
        const data = rows.map((each) => checkpointCard(each, job));
        const ends = { first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null };
        return { object: "list", data, ...ends, has_more: hasMore };
      },
    }),
    getRoute({
      ...ofJobs,
      path: `${ONE}/timeline`,
      summary:
        "What each stage did in the last step that was measured, beside the schedule's ideal; of a search, of whichever run made it; not OpenAI's.",
      response: jobTimelineSchema,
      errors: ["not_found", "jobs_unavailable"],
      async handle({ request }) {
        const jobs = await lazy.get();
        const { id } = await jobs.find(jobIdOf(request));
        const measured = jobs.feed.stepOf(id);
        return jobTimelineCard(id, measured === null ? null : compareStep(measured));
      },
    }),
    getRoute({
      ...ofJobs,
      path: `${ONE}/trials`,
      summary: "The trials of a job that searches hyper-parameters, in order of their numbers; not OpenAI's.",
      response: list(trialSchema, "ListFineTuningJobTrialsResponse"),
      errors: ["not_found", "jobs_unavailable"],
      handle: async ({ request }) => ({ object: "list", data: await trialsOf(lazy, request), has_more: false }),
    }),
    getRoute({
      ...ofJobs,
      path: `${ONE}/trials.svg`,
      summary:
        "The trials of a job as a picture: their metric by step, their scores, and which ran when; not OpenAI's.",
      response: null,
      errors: ["not_found", "jobs_unavailable"],
      async handle({ request, response }) {
        response
          .type("image/svg+xml")
          .set("cache-control", "no-store")
          .send(trialsSvg(await trialsOf(lazy, request)));
      },
    }),
    jobEvaluationRoute(lazy),
    deleteRoute({
      ...ofJobs,
      path: "/v1/models/{model}",
      summary: "Delete a fine-tuned model that no job starts from.",
      response: deletedSchema,
      errors: ["unknown_model", "in_use", "jobs_unavailable"],
      async handle({ request }) {
        const id = modelParameter(request.params["model"]);
        if (id === serving.model?.name) {
          const message = `The model \`${id}\` is the one that this server was started with: it cannot be deleted`;
          throw new RefusedError("in_use", message, { field: "model" });
        }
        await (await lazy.get()).models.remove(id);
        return { id, object: "model", deleted: true };
      },
    }),
  ];
}

async function trialsOf(lazy: LazyJobs, request: JobRequest): Promise<Trial[]> {
  const jobs = await lazy.get();
  const { id } = await jobs.find(jobIdOf(request));
  return (await jobs.store.history.trialsOf(id)).map((json) => JSON.parse(json) as Trial);
}

function card({ feed }: Jobs, job: JobRecord) {
  return jobCard(job, feed.progressOf(job.id), Math.floor(Date.now() / 1000));
}

type JobRequest = { readonly params: Readonly<Record<string, string | string[] | undefined>> };

function jobIdOf(request: JobRequest): string {
  return String(request.params["fine_tuning_job_id"]);
}

type JobsQuery = z.output<typeof jobsQuery>;

/** Metadata is JSON in the store, so pages are read until enough jobs fit. */
async function listJobs({ store }: Jobs, query: JobsQuery): Promise<{ rows: readonly JobRecord[]; hasMore: boolean }> {
  const { limit: wanted, metadata } = query;
  if (metadata === undefined) return store.jobs.list(query);
  const found: JobRecord[] = [];
  for (let start = query.after, hasMore = true; hasMore && found.length <= wanted;) {
    const page = await store.jobs.list({ after: start, limit: 100 });
    found.push(...page.rows.filter((job) => hasMetadata(job, metadata)));
    hasMore = page.hasMore;
    start = page.rows.at(-1)?.id;
  }
  return { rows: found.slice(0, wanted), hasMore: found.length > wanted };
}

function hasMetadata(job: JobRecord, wanted: NonNullable<JobsQuery["metadata"]>): boolean {
  if (typeof wanted === "string") return job.metadata === null;
  const entries = JSON.parse(job.metadata ?? "{}") as Record<string, string>;
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(entries, key) && entries[key] === value);
}
