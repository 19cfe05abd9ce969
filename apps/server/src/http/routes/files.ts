/** @file OpenAI's `/v1/files`: uploads, for training above all, and what jobs write. */
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { RESULTS_PURPOSE, uploadPurposes } from "../../files/fileLibrary.ts";
import { receiveUpload } from "../../files/receiveUpload.ts";
import type { LazyJobs } from "../../jobs/lazyJobs.ts";
import type { FileRecord } from "../../store/fileRecords.ts";
import { allowSlowBody } from "../bodyTimeouts.ts";
import { check, deleteRoute, formRoute, getRoute, queryRoute, type Route } from "../route.ts";
import { filePreviewRoute } from "./filePreview.ts";

const uploadSchema = z
  .strictObject({
    file: z.string().meta({ description: "the file, with its name", override: { type: "string", format: "binary" } }),
    purpose: z.enum(uploadPurposes).meta({ description: "fine-tune for what jobs are to read" }),
    "expires_after[anchor]": z.literal("created_at").optional(),
    "expires_after[seconds]": z.coerce
      .number()
      .int()
      .min(3600)
      .max(2_592_000)
      .optional()
      .meta({ description: "delete the file after this time, once no job reads it" }),
  })
  .meta({ id: "CreateFileRequest" });

const formSchema = uploadSchema
  .omit({ file: true })
  .refine(
    (given) => (given["expires_after[anchor]"] === undefined) === (given["expires_after[seconds]"] === undefined),
    { error: "expected both expires_after[anchor] and expires_after[seconds], got one of them" },
  );

const fileSchema = z
  .object({
    id: z.string(),
    object: z.literal("file"),
    bytes: z.int(),
    created_at: z.int(),
    expires_at: z.int().nullable(),
    filename: z.string(),
    purpose: z.enum([...uploadPurposes, RESULTS_PURPOSE]),
    status: z.literal("processed"),
    status_details: z.string().nullable(),
  })
  .meta({ id: "OpenAIFile" });

const listQuery = z.strictObject({
  purpose: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
  order: z.enum(["asc", "desc"]).default("desc").meta({ description: "by the time of the upload" }),
  after: z.string().optional().meta({ description: "id of the last file of the page before" }),
});

const listSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(fileSchema),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: "ListFilesResponse" });

const deletedSchema = z
  .object({ id: z.string(), object: z.literal("file"), deleted: z.literal(true) })
  .meta({ id: "DeleteFileResponse" });

const ofFiles = { family: "openai", isInference: false } as const;

export function fileRoutes(jobs: LazyJobs): Route[] {
  return [
    formRoute({
      ...ofFiles,
      path: "/v1/files",
      summary: "Upload a file. It is written while it comes in; gzip is welcome.",
      form: uploadSchema,
      response: fileSchema,
      errors: ["invalid_input", "payload_too_large", "quota_exceeded", "disk_full", "jobs_unavailable"],
      async handle({ request }) {
        const { files } = await jobs.get();
        files.expectSize(Number(request.headers["content-length"] ?? 0));
        allowSlowBody(request);
        const { fields, filename, content } = await receiveUpload(request, files);
        try {
          const form = check(formSchema, fields, "the form");
          const expiresAfterSeconds = form["expires_after[seconds]"] ?? null;
          return fileCard(await files.add({ filename, purpose: form.purpose, expiresAfterSeconds, content }));
        } finally {
          await files.discard(content);
        }
      },
    }),
    queryRoute({
      ...ofFiles,
      path: "/v1/files",
      summary: "The files that there are.",
      query: listQuery,
      response: listSchema,
      errors: ["invalid_input", "jobs_unavailable"],
      async handle({ query }) {
        const { rows, hasMore } = await (await jobs.get()).files.list(query);
        const data = rows.map(fileCard);
        const ends = { first_id: data.at(0)?.id ?? null, last_id: data.at(-1)?.id ?? null };
        return { object: "list", data, ...ends, has_more: hasMore };
      },
    }),
    getRoute({
      ...ofFiles,
      path: "/v1/files/{file_id}",
      summary: "One file.",
      response: fileSchema,
      errors: ["not_found", "jobs_unavailable"],
      handle: async ({ request }) => fileCard(await (await jobs.get()).files.find(idOf(request.params["file_id"]))),
    }),
    getRoute({
      ...ofFiles,
      path: "/v1/files/{file_id}/content",
      summary: "The content of a file, byte for byte.",
      response: null,
      errors: ["not_found", "jobs_unavailable"],
      async handle({ request, response }) {
        const { file, handle } = await (await jobs.get()).files.open(idOf(request.params["file_id"]));
        response.type("application/octet-stream").attachment(file.filename).set("content-length", String(file.bytes));
        await pipeline(handle.createReadStream(), response);
      },
    }),
    filePreviewRoute(jobs),
    deleteRoute({
      ...ofFiles,
      path: "/v1/files/{file_id}",
      summary: "Delete a file that no job reads.",
      response: deletedSchema,
      errors: ["not_found", "in_use", "jobs_unavailable"],
      async handle({ request }) {
        const id = idOf(request.params["file_id"]);
        await (await jobs.get()).files.remove(id);
        return { id, object: "file", deleted: true };
      },
    }),
  ];
}

function fileCard({ id, bytes, created_at, expires_at, filename, purpose }: FileRecord) {
  return {
    id,
    object: "file",
    bytes,
    created_at,
    expires_at,
    filename,
    purpose,
    status: "processed",
    status_details: null,
  };
}

function idOf(parameter: string | string[] | undefined): string {
  return String(parameter);
}
