/** @file `/v1/files/{file_id}/preview`: how an uploaded file begins, as a job would read it; not OpenAI's. */
import { dataFormats, roles } from "@stagecoach/training";
import { taskNames } from "@stagecoach/transformer";
import { z } from "zod";
import type { LazyJobs } from "../../jobs/lazyJobs.ts";
import { previewFile } from "../../preview/previewFile.ts";
import { valueKinds } from "../../preview/shownValues.ts";
import { leavingSignal, queryRoute, type Route } from "../route.ts";

const MAX_ROWS = 100;

const previewQuery = z.strictObject({
  rows: z.coerce.number().int().min(1).max(MAX_ROWS).default(20).meta({ description: "rows to show" }),
});

export const columnsSchema = z
  .partialRecord(z.enum(roles), z.string())
  .meta({ id: "ColumnRoles", description: "which column has which role for the task" });

export const dataProblemFields = {
  message: z.string(),
  line: z.int().nullable(),
  column: z
    .union([z.string(), z.int()])
    .nullable()
    .meta({ description: "a column's name; in malformed text the number of a character, from 1" }),
};

const previewSchema = z
  .object({
    object: z.literal("file.preview"),
    format: z.enum(dataFormats).nullable().meta({ description: "null: it cannot be told" }),
    columns: z.array(z.object({ name: z.string(), kind: z.enum(valueKinds), examples: z.array(z.unknown()) })),
    rows: z
      .array(z.record(z.string(), z.unknown()))
      .meta({ description: "the first rows as a job reads them; long texts and lists are cut, and end with …" }),
    lines: z
      .array(z.int().nullable())
      .meta({ description: "on which line each of the rows starts; null in a file that is one JSON value" }),
    has_more: z.boolean(),
    guess: z.object({
      task: z.enum(taskNames).nullable().meta({ description: "of a job that names none" }),
      tasks: z.array(z.enum(taskNames)).meta({ description: "that a job with these columns may name" }),
      columns: columnsSchema,
      unused: z.array(z.string()),
      reason: z.string(),
    }),
    problems: z
      .array(z.object(dataProblemFields))
      .meta({ description: "what is wrong with what was read; a validation reads the whole file" }),
  })
  .meta({ id: "FilePreview" });

export function filePreviewRoute(lazy: LazyJobs): Route {
  return queryRoute({
    family: "openai",
    isInference: false,
    path: "/v1/files/{file_id}/preview",
    summary: "The first rows of a file of data, its columns, and the task that a job would take it for; not OpenAI's.",
    query: previewQuery,
    response: previewSchema,
    errors: ["invalid_input", "not_found", "jobs_unavailable"],
    async handle({ query, request, response }) {
      const { files } = await lazy.get();
      const id = String(request.params["file_id"]);
      const file = await files.find(id);
      const signal = leavingSignal(response);
      const data = { path: files.pathOf(file), name: file.filename };
      const { rows, hasMore, ...preview } = await previewFile(data, { numRows: query.rows, signal });
      // It may have been deleted meanwhile.
      await files.find(id);
      return {
        object: "file.preview",
        ...preview,
        rows: rows.map(({ values }) => values),
        lines: rows.map(({ line }) => line ?? null),
        has_more: hasMore,
      };
    },
  });
}
