/**
 * @file Every setting of a server, once: its flag, its environment variable, its key in a config file, its default, its checks.
 *
 * `--max-batch-tokens`, `STAGECOACH_MAX_BATCH_TOKENS` and `"maxBatchTokens"` are the same setting.
 */
import { engineNames } from "@stagecoach/engine/node";
import { poolingModes } from "@stagecoach/transformer";
import { PACKAGED_MODEL } from "@stagecoach/transformer/node";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { threadsEach } from "./threadsEach.ts";

/** The model in the box, whatever else is on the machine: a restart never changes the vectors of a service. */
export const DEFAULT_MODEL = PACKAGED_MODEL;

/** Flags and variables are text, config files have numbers; nothing else is a number. */
const numeric = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value), schema);
const count = (minimum = 1) => numeric(z.number().int().min(minimum));
const port = numeric(z.number().int().min(0).max(65_535));
const flag = z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]);
const seconds = numeric(z.number().positive().max(86_400));
/** One or several; an environment variable separates them by commas. */
const list = z.union([
  z.array(z.string().min(1)),
  z.string().transform((text) => text.split(",").filter((each) => each !== "")),
]);

/** Sizes as people write them: 2000000, 512KB, 2MB. */
const size = z.union([z.number(), z.string()]).transform((value, context) => {
  const found = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)?$/i.exec(String(value).trim());
  const unit = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 }[(found?.[2] ?? "B").toUpperCase()] ?? 1;
  if (found !== null && Number(found[1]) * unit >= 1) return Math.round(Number(found[1]) * unit);
  context.addIssue({ code: "custom", message: `expected a size such as 2000000, 512KB or 2MB, got "${value}"` });
  return z.NEVER;
});

/** Where data goes when nobody says: the XDG base directory of the user. */
export function defaultDataDir(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "stagecoach");
}

type Setting = {
  readonly schema: z.ZodType;
  /** What it is for, as `--help` says it. */
  readonly help: string;
  /** What follows the flag in `--help`; none for switches. */
  readonly argument?: string;
  /** May be given several times. */
  readonly repeatable?: true;
  /** Another environment variable that it is read from, because everybody calls it so. */
  readonly variable?: string;
  /** Not shown in logs and `--print-config`. */
  readonly secret?: true;
};

export const serveSettings = {
  model: {
    schema: z.string().min(1).default(DEFAULT_MODEL),
    argument: "DIR|ID",
    help: "folder or hub id of the model",
  },
  revision: {
    schema: z.string().optional(),
    argument: "REV",
    help: "branch, tag or commit of a hub model (default: main)",
  },
  servedModelName: {
    schema: z.string().min(1).optional(),
    argument: "NAME",
    help: "name in the API (default: the hub id, or the folder's name)",
  },
  replaceModel: {
    schema: flag.default(false),
    help: "serve this model although the data folder knows another under its name",
  },
  pooling: {
    schema: z.enum(poolingModes).optional(),
    argument: "MODE",
    help: `override the model's pooling: ${poolingModes.join(", ")}`,
  },
  dataDir: {
    schema: z
      .string()
      .min(1)
      .default(() => defaultDataDir()),
    argument: "DIR",
    help: "where state is kept",
  },
  databaseUrl: {
    schema: z.string().min(1).optional(),
    argument: "URL",
    variable: "DATABASE_URL",
    secret: true,
    help: "PostgreSQL for files and jobs, also from DATABASE_URL (default: a database in the data folder)",
  },
  maxFileBytes: { schema: size.default(512_000_000), argument: "SIZE", help: "largest file that can be uploaded" },
  maxFilesBytes: {
    schema: size.default(20_000_000_000),
    argument: "SIZE",
    help: "all uploaded files together; beyond it uploads are refused",
  },
  checkpointRetention: {
    schema: numeric(z.number().min(0)).default(2_592_000),
    argument: "SECONDS",
    help: "time for which checkpoints are kept after their job has ended",
  },
  maxCheckpointsBytes: {
    schema: size.default(50_000_000_000),
    argument: "SIZE",
    help: "all checkpoints together; beyond it those of jobs that have ended go, the oldest first, and then jobs fail",
  },
  host: {
    schema: z.string().min(1).default("127.0.0.1"),
    argument: "HOST",
    help: "address to listen on; other machines can reach 0.0.0.0",
  },
  port: { schema: port.default(8080), argument: "PORT", help: "port to listen on; 0 takes a free one" },
  stages: {
    schema: count().default(1),
    argument: "N",
    help: "stages of the pipeline: processes over which the layers are spread",
  },
  replicas: { schema: count().default(1), argument: "N", help: "copies of the pipeline" },
  engine: {
    schema: z.enum(engineNames).default("onnxruntime"),
    argument: "NAME",
    help: `what computes: ${engineNames.join(", ")}`,
  },
  threads: {
    schema: count().optional(),
    argument: "N",
    help: "threads of each stage (default: the machine's cores, shared out)",
  },
  modelMemory: {
    schema: size.default(2_000_000_000),
    argument: "SIZE",
    help: "weights of fine-tuned models that are loaded at once, besides the model that the server was started for",
  },
  trainingStages: { schema: count().default(1), argument: "N", help: "stages of jobs that do not say" },
  trainingThreads: {
    schema: count().optional(),
    argument: "N",
    help: "threads of each training stage (default: the machine's cores, shared out)",
  },
  trainingNiceness: {
    schema: numeric(z.int().min(0).max(19)).default(10),
    argument: "N",
    help: "how far training stands back behind requests: added to the niceness of its processes",
  },
  maxBatchTokens: { schema: count().default(512), argument: "N", help: "most tokens of a micro-batch" },
  maxQueuedTokens: {
    schema: count().default(1_000_000),
    argument: "N",
    help: "most tokens that wait for one model; beyond it its requests get 429",
  },
  maxConcurrentRequests: {
    schema: count().default(512),
    argument: "N",
    help: "requests at work; beyond it requests get 429",
  },
  maxClientBatchSize: { schema: count().default(2048), argument: "N", help: "most inputs of one request" },
  payloadLimit: { schema: size.default(2_000_000), argument: "SIZE", help: "largest request body" },
  autoTruncate: {
    schema: flag.default(true),
    argument: "true|false",
    help: "cut long inputs on native routes where the request does not say",
  },
  requestTimeout: { schema: seconds.default(60), argument: "SECONDS", help: "deadline of a request" },
  bodyTimeout: {
    schema: seconds.default(30),
    argument: "SECONDS",
    help: "time that a client gets to send a request; an upload of a file may take longer, but not stand still so long",
  },
  shutdownTimeout: {
    schema: seconds.default(30),
    argument: "SECONDS",
    help: "time that accepted requests get to finish on SIGTERM",
  },
  stageTimeout: {
    schema: seconds.default(30),
    argument: "SECONDS",
    help: "time on one micro-batch after which a stage counts as stuck",
  },
  apiKey: {
    schema: list.default([]),
    argument: "KEY",
    repeatable: true,
    secret: true,
    help: "accept requests with this bearer token only; repeatable",
  },
  workerHost: {
    schema: z.string().min(1).default("127.0.0.1"),
    argument: "HOST",
    help: "address where workers join; TLS off loopback",
  },
  workerPort: { schema: port.default(0), argument: "PORT", help: "port where workers join; 0 takes a free one" },
  advertiseHost: {
    schema: z.string().min(1).optional(),
    argument: "HOST",
    help: "name by which workers elsewhere reach this machine",
  },
  joinToken: {
    schema: z.string().min(1).optional(),
    argument: "TOKEN",
    secret: true,
    help: "secret that workers join with (default: a new one)",
  },
  externalWorkers: {
    schema: count(0).default(0),
    argument: "N",
    help: "stages left to workers that join from elsewhere",
  },
  logLevel: {
    schema: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
    argument: "LEVEL",
    help: "how much is logged",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof serveSettings;
export const settingNames = Object.keys(serveSettings) as SettingName[];

export type ServeSettings = { readonly [K in SettingName]: z.output<(typeof serveSettings)[K]["schema"]> };

/** Threads of each stage: the cores of this machine, shared by the stages that run on it. */
export function threadsPerStage({ threads, stages, replicas, externalWorkers }: ServeSettings): number {
  const local = Math.max(1, stages * replicas - externalWorkers);
  return threads ?? threadsEach(local);
}

/** `maxBatchTokens` -> `max-batch-tokens` */
export const flagName = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** `maxBatchTokens` -> `STAGECOACH_MAX_BATCH_TOKENS` */
export const variableName = (name: string): string => `STAGECOACH_${flagName(name).replaceAll("-", "_").toUpperCase()}`;
