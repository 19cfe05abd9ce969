/** @file `/v1/models/{model}/archive`: a fine-tuned model as a file to take away; not OpenAI's. */
import { isSystemError } from "@stagecoach/transformer/node";
import { pipeline } from "node:stream/promises";
import type { LazyJobs } from "../../jobs/lazyJobs.ts";
import type { Jobs } from "../../jobs/openJobs.ts";
import { openModelArchive, type ModelArchive } from "../../models/modelArchive.ts";
import { HttpProblem } from "../httpProblem.ts";
import { getRoute, type Route } from "../route.ts";
import { modelParameter } from "./openAi.ts";

/** Goes before the route of one model, whose name may have slashes. */
export function modelArchiveRoute(lazy: LazyJobs): Route {
  return getRoute({
    family: "openai",
    isInference: false,
    path: "/v1/models/{model}/archive",
    summary: "The folder of a fine-tuned model, or of a job's checkpoint, as a tar file; not OpenAI's.",
    response: null,
    errors: ["unknown_model", "disk_full", "jobs_unavailable"],
    async handle({ request, response }) {
      const jobs = await lazy.get();
      const id = modelParameter(request.params["model"]);
      const root = id.replaceAll(/[^\w.-]+/g, "-");
      await using archive = await open(await find(jobs, id), root);
      // Its files were all there when they were opened, unless it was being deleted.
      await find(jobs, id);
      response.type("application/x-tar").attachment(`${root}.tar`);
      if (request.method === "HEAD") {
        response.end();
        return;
      }
      try {
        await pipeline(archive.stream(), response);
      } catch (error) {
        // Otherwise the client has left.
        if (!request.destroyed) throw error;
      }
    },
  });
}

type Model = NonNullable<Awaited<ReturnType<Jobs["findModel"]>>>;

/** @throws HttpProblem; RefusedError for a checkpoint that is not there any more */
async function find(jobs: Jobs, id: string): Promise<Model> {
  const model = await jobs.findModel(id);
  if (model === null) throw unknownModel(id);
  return model;
}

async function open({ id, folder, createdAt }: Model, root: string): Promise<ModelArchive> {
  try {
    return await openModelArchive(folder, { root, createdAt });
  } catch (error) {
    throw isSystemError(error, "ENOENT") ? unknownModel(id) : error;
  }
}

function unknownModel(id: string): HttpProblem {
  const message = `The model \`${id}\` does not exist, or no job has made it: only fine-tuned models can be taken away`;
  return new HttpProblem("unknown_model", message, { field: "model" });
}
