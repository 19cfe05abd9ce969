/**
 * @file Whether and how a process sends its spans: OpenTelemetry's own environment variables, checked before anything is loaded.
 *
 * Where to send, headers, compression, certificates and time limits the exporter reads by itself; docs/MONITORING.md lists what is read.
 */
import { TracingError } from "../../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export type SamplerName = (typeof samplerNames)[number];

const protocols = ["http/protobuf", "http/json"] as const;

export type TracingSettings = {
  /** Where spans go, without what a URL may have of secrets. */
  readonly endpoint: string;
  readonly protocol: (typeof protocols)[number];
  readonly sampler: SamplerName;
  /** Share of requests that are recorded, by samplers with a ratio. */
  readonly ratio: number;
  /** Of `OTEL_SERVICE_NAME`, or null. */
  readonly serviceName: string | null;
  /** An export may take so long, attempts after a failure included. */
  readonly timeoutMs: number;
  /** Of spans that wait to be sent; undefined takes the SDK's own. */
  readonly batches: {
    readonly scheduledDelayMillis: number | undefined;
    readonly maxQueueSize: number | undefined;
    readonly maxExportBatchSize: number | undefined;
  };
};

/** Shorter than the standard's 10 s: a process that ends while nobody takes its spans is to end soon. */
const TIMEOUT_MS = 3000;

/**
 * @returns null where nobody asks for traces
 * @throws TracingError for a value that does not fit
 */
export function readTracingSettings(env: Environment): TracingSettings | null {
  const endpoint = endpointOf(env);
  if (endpoint === null || flagOf(env, "OTEL_SDK_DISABLED")) return null;
  if (oneOf(env, "OTEL_TRACES_EXPORTER", ["otlp", "none"]) === "none") return null;
  const protocol = oneOf(env, named(env, "PROTOCOL"), protocols) ?? "http/protobuf";
  const sampler = oneOf(env, "OTEL_TRACES_SAMPLER", samplerNames) ?? "parentbased_always_on";
  return {
    endpoint,
    protocol,
    sampler,
    ratio: ratioOf(env),
    serviceName: env["OTEL_SERVICE_NAME"] || null,
    timeoutMs: countOf(env, named(env, "TIMEOUT")) ?? TIMEOUT_MS,
    batches: {
      scheduledDelayMillis: countOf(env, "OTEL_BSP_SCHEDULE_DELAY"),
      maxQueueSize: countOf(env, "OTEL_BSP_MAX_QUEUE_SIZE"),
      maxExportBatchSize: countOf(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    },
  };
}

/** The variable for traces where it is set, else the one for all signals. */
function named(env: Environment, suffix: string): string {
  const own = `OTEL_EXPORTER_OTLP_TRACES_${suffix}`;
  return env[own] ? own : `OTEL_EXPORTER_OTLP_${suffix}`;
}

function endpointOf(env: Environment): string | null {
  const name = named(env, "ENDPOINT");
  const text = env[name];
  // Set to nothing is not set, as the standard has it.
  if (!text) return null;
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new TracingError(`${name}: expected http://HOST:PORT or https://HOST:PORT, got "${text}"`);
  // As the exporter does it: the variable for all signals is a base.
  const path = name.includes("TRACES") ? url.pathname : `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return `${url.origin}${path}`;
}

function flagOf(env: Environment, name: string): boolean {
  const text = env[name]?.toLowerCase();
  if (text && text !== "true" && text !== "false")
    throw new TracingError(`${name}: expected true or false, got "${text}"`);
  return text === "true";
}

function oneOf<T extends string>(env: Environment, name: string, known: readonly T[]): T | undefined {
  const text = env[name];
  if (!text) return undefined;
  const found = known.find((each) => each === text);
  if (found === undefined) throw new TracingError(`${name}: expected ${known.join(", ")}, got "${text}"`);
  return found;
}

function ratioOf(env: Environment): number {
  const name = "OTEL_TRACES_SAMPLER_ARG";
  const ratio = env[name] ? Number(env[name]) : 1;
  if (!(ratio >= 0 && ratio <= 1)) throw new TracingError(`${name}: expected a share from 0 to 1, got "${env[name]}"`);
  return ratio;
}

function countOf(env: Environment, name: string): number | undefined {
  if (!env[name]) return undefined;
  const count = Number(env[name]);
  if (!Number.isSafeInteger(count) || count < 1)
    throw new TracingError(`${name}: expected a whole number from 1, got "${env[name]}"`);
  return count;
}
