/** @file The OpenAPI document: valid, complete, and true of what the server answers; and the page that shows it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseExposition } from "../harness/exposition.ts";
import { golden } from "../harness/goldenSentences.ts";
import { misfits, resolveRef, type Schema } from "../harness/jsonSchema.ts";
import { startServer, type TestServer } from "../harness/startServer.ts";

type Content = {
  readonly content?: { readonly "application/json": { readonly schema: Schema } };
  readonly description: string;
};
type RequestContent = {
  readonly "application/json"?: { readonly schema: Schema };
  readonly "multipart/form-data"?: object;
};
type Operation = {
  readonly summary: string;
  readonly requestBody?: { readonly content: RequestContent; readonly required: boolean };
  readonly responses: Readonly<Record<string, Content>>;
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[];
  readonly security?: readonly Record<string, unknown>[];
};
type Document = {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

let server: TestServer;
let document: Document;
/** What a path or a body names in braces. */
const ids: Record<string, string> = {};
beforeAll(async () => {
  server = await startServer({ flags: ["--served-model-name", "org/tiny", "--max-client-batch-size", "50"] });
  document = (await (await server.get("/openapi.json")).json()) as Document;
  ids["file_id"] = await idOf(await fetch(`${server.url}/v1/files`, { method: "POST", body: trainingForm() }));
  const job = { model: "org/tiny", training_file: ids["file_id"] };
  ids["fine_tuning_job_id"] = await idOf(await server.post("/v1/fine_tuning/jobs", job));
});
afterAll(() => server[Symbol.asyncDispose]());

function trainingForm(): FormData {
  const form = new FormData();
  form.set("purpose", "fine-tune");
  form.set("file", new Blob(['{"text":"a","label":"b"}\n']), "train.jsonl");
  return form;
}
async function idOf(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}
const filled = (text: string) => text.replaceAll(/\{(\w+)\}/g, (braces, name: string) => ids[name] ?? braces);

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

function walk(value: unknown, visit: (object: Record<string, unknown>) => void): void {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) visit(value as Record<string, unknown>);
  for (const each of Object.values(value)) walk(each, visit);
}

describe("GET /openapi.json", () => {
  test("is an OpenAPI 3.1 document with the fields that one must have", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(Object.keys(document.info)).toEqual(expect.arrayContaining(["title", "version"]));
    for (const { path, method, operation } of operations()) {
      expect(path).toMatch(/^\//);
      expect(["get", "post", "delete"]).toContain(method);
      expect(operation.summary.length).toBeGreaterThan(3);
      for (const [status, { description }] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^[2345]\d\d$/);
        expect(description.length).toBeGreaterThan(1);
      }
      const templates = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = operation.parameters ?? [];
      const inPath = parameters.filter((each) => each.in === "path");
      expect(inPath.map(({ name }) => name)).toEqual(templates);
      expect(inPath.every((each) => each.required === true)).toBe(true);
      // What is not in the path is in the query of a GET, and can be left out.
      const others = parameters.filter((each) => each.in !== "path");
      expect(others.every((each) => each.in === "query" && each.required !== true && method === "get")).toBe(true);
    }
  });

  test("has no reference that leads nowhere, and no component that nothing refers to", () => {
    const references = new Set<string>();
    walk(document, ({ $ref }) => typeof $ref === "string" && references.add($ref));
    for (const reference of references) expect(resolveRef(document, reference)).toBeTypeOf("object");
    const schemas = Object.keys(document.components["schemas"] ?? {}).map((name) => `#/components/schemas/${name}`);
    expect(new Set(schemas)).toEqual(references);
    const schemes = new Set(operations().flatMap(({ operation }) => (operation.security ?? []).flatMap(Object.keys)));
    expect([...schemes]).toEqual(Object.keys(document.components["securitySchemes"]!));
  });

  test("lists every route of the server", async () => {
    const families = parseExposition(await (await server.get("/metrics")).text());
    const routes = families.get("stagecoach_http_requests_total")!.samples;
    const counted = new Set(routes.map(({ labels }) => `${labels["method"]?.toLowerCase()} ${labels["route"]}`));
    const others = ["get /console", "get /docs", "get /openapi.json", "get unknown", "unknown unreadable"];
    const documented = operations().map(({ path, method }) => `${method} ${path}`);
    expect(new Set([...documented, ...others])).toEqual(counted);
  });

  test("is also where text-embeddings-inference has it", async () => {
    expect(await (await server.get("/api-doc/openapi.json")).json()).toEqual(document);
  });

  test("says which fields a request may have, and that there are no others", () => {
    const schema = (path: string) => {
      const { $ref } = document.paths[path]!["post"]!.requestBody!.content["application/json"]!.schema;
      return resolveRef(document, $ref as string) as { properties: object; required: string[] };
    };
    expect(Object.keys(schema("/v1/embeddings").properties).toSorted()).toEqual([
      "dimensions",
      "encoding_format",
      "input",
      "model",
      "user",
    ]);
    expect(schema("/v1/embeddings").required).toEqual(["input"]);
    expect(Object.keys(schema("/embed").properties).toSorted()).toEqual([
      "dimensions",
      "inputs",
      "model",
      "normalize",
      "prompt_name",
      "truncate",
      "truncation_direction",
    ]);
    const posts = operations().filter(({ method }) => method === "post");
    const bodies = posts.flatMap(({ operation }) => operation.requestBody?.content["application/json"] ?? []);
    for (const { schema: body } of bodies)
      expect(resolveRef(document, body["$ref"] as string)["additionalProperties"]).toBe(false);
    // The others take a form, or nothing: a job is cancelled, paused and resumed by its path alone.
    const others = posts.filter(({ operation }) => operation.requestBody?.content["application/json"] === undefined);
    expect(others.map(({ path }) => path).toSorted()).toEqual([
      "/v1/files",
      ...["cancel", "pause", "resume"].map((name) => `/v1/fine_tuning/jobs/{fine_tuning_job_id}/${name}`),
    ]);
  });
});

type Exchange = {
  /** With ids in braces, as the document has them, or with `template`. */
  readonly path: string;
  readonly template?: string;
  /** Default: POST with a body, else GET. */
  readonly method?: "post" | "delete";
  readonly body?: unknown;
  readonly status: number;
};
const ONE_JOB = "/v1/fine_tuning/jobs/{fine_tuning_job_id}";
const inputs = golden.texts.slice(0, 3);
const similarity = { source_sentence: "a", sentences: inputs };

/** At least one answer of each route, and of each kind of error. */
const exchanges: readonly Exchange[] = [
  { path: "/v1/embeddings", body: { input: inputs }, status: 200 },
  { path: "/v1/embeddings", body: { input: [5, 6], encoding_format: "base64", dimensions: 3, user: "a" }, status: 200 },
  { path: "/embeddings", body: { input: "a", model: "org/tiny" }, status: 200 },
  { path: "/embeddings", body: { input: "" }, status: 400 },
  { path: "/v1/embeddings", body: { input: [] }, status: 400 },
  { path: "/v1/embeddings", body: "{", status: 400 },
  { path: "/v1/embeddings", body: { input: "a", model: "b" }, status: 404 },
  { path: "/v1/embeddings", body: { input: "a".repeat(2_100_000) }, status: 413 },
  { path: "/v1/models", status: 200 },
  { path: "/v1/models/org/tiny", template: "/v1/models/{model}", status: 200 },
  { path: "/v1/models/other", template: "/v1/models/{model}", status: 404 },
  {
    path: "/embed",
    body: { inputs, truncation_direction: "left", normalize: false, prompt_name: "query" },
    status: 200,
  },
  { path: "/embed", body: { inputs: [[5], "a"], truncate: null, dimensions: null, prompt_name: null }, status: 200 },
  { path: "/", body: { inputs: "a" }, status: 200 },
  { path: "/embed", body: { inputs: "" }, status: 400 },
  { path: "/embed", body: { inputs: Array(51).fill("a") }, status: 422 },
  { path: "/embed_all", body: { inputs }, status: 200 },
  { path: "/embed_all", body: { inputs: 5 }, status: 422 },
  { path: "/similarity", body: { inputs: similarity, parameters: { truncate: true } }, status: 200 },
  { path: "/similarity", body: { inputs: similarity, parameters: null }, status: 200 },
  { path: "/similarity", body: { inputs: { ...similarity, sentences: [] } }, status: 400 },
  { path: "/tokenize", body: { inputs, add_special_tokens: true }, status: 200 },
  { path: "/tokenize", body: { inputs: [] }, status: 400 },
  { path: "/decode", body: { ids: [[5, 6], [7]], skip_special_tokens: false }, status: 200 },
  { path: "/decode", body: { ids: [-1] }, status: 422 },
  { path: "/info", status: 200 },
  { path: "/livez", status: 200 },
  { path: "/topology", status: 200 },
  { path: "/timeline?seconds=600", template: "/timeline", status: 200 },
  { path: "/timeline?seconds=0", template: "/timeline", status: 422 },
  { path: "/health", status: 200 },
  { path: "/ping", status: 200 },
  { path: "/readyz", status: 200 },
  { path: "/", status: 200 },
  { path: "/metrics", status: 200 },
  { path: "/predict", body: { inputs: ["a", "b"] }, status: 424 },
  { path: "/predict", body: { inputs: "a", model: "other" }, status: 404 },
  { path: "/rerank", body: { query: "a", texts: inputs }, status: 424 },
  { path: "/next-sentence", body: { inputs: [["a", "b"]] }, status: 424 },
  { path: "/answer", body: { inputs: { question: "a", context: "b" }, parameters: { top_k: 2 } }, status: 424 },
  { path: "/answer", body: { inputs: { question: "", context: "b" } }, status: 400 },
  { path: "/answer", body: { inputs: [], model: "other" }, status: 404 },
  { path: "/answer", body: { inputs: { question: "a" } }, status: 422 },
  { path: "/fill-mask", body: { inputs: ["a [MASK]"], targets: ["a"], top_k: 3 }, status: 424 },
  { path: "/fill-mask", body: { inputs: "a [MASK]", model: "other" }, status: 404 },
  { path: "/fill-mask", body: { inputs: "a [MASK]", top_k: 0 }, status: 422 },
  { path: "/attention", body: { inputs: ["a", "b"], layers: [0], heads: [1] }, status: 200 },
  { path: "/attention", body: { inputs: "a", encoding: "uint8", truncation_direction: "Left" }, status: 200 },
  { path: "/attention", body: { inputs: "" }, status: 400 },
  { path: "/attention", body: { inputs: "a", model: "other" }, status: 404 },
  { path: "/attention", body: { inputs: "a", layers: [] }, status: 422 },
  { path: "/v1/files", method: "post", body: trainingForm(), status: 200 },
  { path: "/v1/files?limit=1", template: "/v1/files", status: 200 },
  { path: "/v1/files?limit=0", template: "/v1/files", status: 400 },
  { path: "/v1/files/{file_id}", status: 200 },
  { path: "/v1/files/other", template: "/v1/files/{file_id}", status: 404 },
  { path: "/v1/files/{file_id}/content", status: 200 },
  { path: "/v1/files/{file_id}/preview", status: 200 },
  { path: "/v1/files/{file_id}/preview?rows=0", template: "/v1/files/{file_id}/preview", status: 400 },
  { path: "/v1/fine_tuning/jobs", body: { model: "org/tiny", training_file: "other" }, status: 400 },
  { path: "/v1/fine_tuning/jobs", body: { model: "org/tiny", training_file: "{file_id}" }, status: 200 },
  { path: "/v1/fine_tuning/jobs/validate", body: { model: "org/tiny", training_file: "other" }, status: 200 },
  { path: "/v1/fine_tuning/jobs/validate", body: {}, status: 400 },
  { path: "/v1/fine_tuning/jobs?limit=1", template: "/v1/fine_tuning/jobs", status: 200 },
  { path: ONE_JOB, status: 200 },
  { path: "/v1/fine_tuning/jobs/other", template: ONE_JOB, status: 404 },
  { path: `${ONE_JOB}/events`, status: 200 },
  { path: `${ONE_JOB}/checkpoints`, status: 200 },
  { path: `${ONE_JOB}/timeline`, status: 200 },
  { path: "/v1/fine_tuning/jobs/other/timeline", template: `${ONE_JOB}/timeline`, status: 404 },
  { path: `${ONE_JOB}/evaluation`, status: 404 },
  { path: `${ONE_JOB}/evaluation?split=train`, template: `${ONE_JOB}/evaluation`, status: 400 },
  { path: `${ONE_JOB}/trials`, status: 200 },
  { path: `${ONE_JOB}/trials.svg`, status: 200 },
  ...["cancel", "pause", "resume"].map((name): Exchange => ({
    path: `/v1/fine_tuning/jobs/other/${name}`,
    template: `${ONE_JOB}/${name}`,
    method: "post",
    status: 404,
  })),
  { path: "/v1/models/other/archive", template: "/v1/models/{model}/archive", status: 404 },
  { path: "/v1/models/other", template: "/v1/models/{model}", method: "delete", status: 404 },
  { path: "/v1/files/other", template: "/v1/files/{file_id}", method: "delete", status: 404 },
];

const ask = ({ path, body, method }: { path: string; body?: unknown; method: string }): Promise<Response> => {
  if (body instanceof FormData) return fetch(server.url + path, { method: "POST", body });
  if (method === "post" && body !== undefined)
    return server.post(path, typeof body === "string" ? body : (JSON.parse(filled(JSON.stringify(body))) as object));
  return fetch(server.url + filled(path), { method: method.toUpperCase() });
};

describe("what the server takes and answers", () => {
  const named = exchanges.map((each) => ({ method: each.body === undefined ? "get" : "post", ...each }));
  test.each(named)(
    "$method $path, $status, is as the document says",
    async ({ path, template, body, status, method }) => {
      const operation = document.paths[template ?? path]![method]!;
      const response = await ask({ path, body, method });
      expect(response.status).toBe(status);
      const documented = operation.responses[String(status)];
      expect(documented).toBeDefined();
      const schema = documented!.content?.["application/json"].schema;
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
      expect(isJson).toBe(schema !== undefined);
      expect(schema === undefined ? [] : misfits(JSON.parse(text), schema, document)).toEqual([]);
      const requestSchema = operation.requestBody?.content["application/json"]?.schema;
      // What the document allows is what the server took: its 200s fit, and a body of the wrong form does not.
      const isTaken =
        requestSchema === undefined || typeof body !== "object" || misfits(body, requestSchema, document).length === 0;
      expect(isTaken || status !== 200).toBe(true);
    },
  );

  test("every route was asked", () => {
    const asked = new Set(named.map(({ method, path, template }) => `${method} ${template ?? path}`));
    expect(operations().filter(({ path, method }) => !asked.has(`${method} ${path}`))).toEqual([]);
  });

  test("a checker that finds nothing would be of no use: it does find what is wrong", () => {
    const { schema } = document.paths["/info"]!["get"]!.responses["200"]!.content!["application/json"];
    expect(misfits({ model_id: 5 }, schema, document).length).toBeGreaterThan(5);
    const { schema: embed } = document.paths["/embed"]!["post"]!.requestBody!.content["application/json"]!;
    expect(misfits({ inputs: "a", normalise: true }, embed, document)).toEqual(["$: normalise is not known"]);
    expect(misfits({ inputs: [["a"]] }, embed, document).length).toBe(1);
  });
});

describe("GET /docs", () => {
  test("is a page whose parts all come from this server", async () => {
    const response = await server.get("/docs");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/html/);
    const page = await response.text();
    expect(page).not.toMatch(/https?:|\/\/\w/);
    // Swagger UI would show the document to a validator on the internet.
    expect(page).toContain("validatorUrl: null");
    const parts = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
    expect(parts.length).toBe(2);
    for (const path of parts) {
      const part = await server.get(path);
      expect(part.status).toBe(200);
      expect(part.headers.get("content-type")).toMatch(/javascript|css/);
      expect((await part.text()).length).toBeGreaterThan(10_000);
    }
  });

  test("its styles load nothing from elsewhere", async () => {
    const styles = await (await server.get("/docs/assets/swagger-ui.css")).text();
    expect([...styles.matchAll(/url\(([^)]{0,40})/g)].filter(([, target]) => !/^"?data:/.test(target!))).toEqual([]);
    expect(styles).not.toContain("@import");
  });
});
