/**
 * @file Tracing of a process: off unless OpenTelemetry's variables ask for it, and then its SDK is loaded, which a user installs.
 *
 * Nothing is loaded, sent or kept where it is off. There is no instrumentation of other people's code.
 */
import { TracingError } from "../../errors.ts";
import type { SpanAttributes, Tracer, TraceSpan } from "../../tracing/tracer.ts";
import { readTracingSettings, type TracingSettings } from "./tracingSettings.ts";

/** A span of a request that comes in, whether it is recorded or not. */
export interface RequestSpan extends TraceSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** What is not recorded has no parts either. */
  readonly isRecorded: boolean;
  /** What is known only after its start. */
  rename(name: string): void;
}

export type IncomingRequest = {
  readonly startMs: number;
  /** Headers of the W3C's trace context, as the client sent them; what is not valid counts as not sent. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly attributes: SpanAttributes;
};

export interface ProcessTracer extends Tracer {
  /** Here it is decided whether the request is recorded. */
  startRequest(name: string, request: IncomingRequest): RequestSpan;
}

export type Tracing = {
  readonly tracer: ProcessTracer;
  /** For logs: where spans go, and which requests are recorded. */
  readonly facts: { readonly endpoint: string; readonly sampler: string };
  /** Send what waits. Nobody who takes it is no error: the log says so. */
  readonly stop: () => Promise<void>;
};

/** What sets this process apart from others of the same service. */
export type TracedProcess = {
  /** Unless `OTEL_SERVICE_NAME` says it. */
  readonly serviceName: string;
  readonly attributes: SpanAttributes;
  readonly log: (event: string, facts: Readonly<Record<string, unknown>>) => void;
};

const packagesOf = ({ protocol }: Pick<TracingSettings, "protocol">) =>
  ({
    sdk: "@opentelemetry/sdk-trace",
    resources: "@opentelemetry/resources",
    exporter:
      protocol === "http/json" ? "@opentelemetry/exporter-trace-otlp-http" : "@opentelemetry/exporter-trace-otlp-proto",
  }) as const;

/** Versions that go together, as package.json has them. */
const RELEASES: Readonly<Record<string, string>> = {
  "@opentelemetry/sdk-trace": "3.1",
  "@opentelemetry/resources": "3.1",
};
const EXPORTER_RELEASE = "0.301";

/**
 * @param env - of the process: the exporter reads more of it by itself
 * @returns undefined where nobody asks for traces
 * @throws TracingError for variables that do not fit, and with what to install
 */
export async function startTracing(
  env: Readonly<Record<string, string | undefined>>,
  traced: TracedProcess,
): Promise<Tracing | undefined> {
  const settings = readTracingSettings(env);
  if (settings === null) return undefined;
  expectInstalled(settings);
  const { openTelemetry } = await import("./openTelemetry.ts");
  return openTelemetry(settings, traced);
}

/** Whether and where spans would be sent from here, for people. @throws TracingError */
export function describeTracing(env: Readonly<Record<string, string | undefined>>): string {
  const settings = readTracingSettings(env);
  if (settings === null) return "off (OTEL_EXPORTER_OTLP_ENDPOINT switches them on)";
  expectInstalled(settings);
  return `sent to ${settings.endpoint} (${settings.protocol}, ${settings.sampler})`;
}

function expectInstalled(settings: TracingSettings): void {
  const wanted = Object.values(packagesOf(settings));
  const missing = wanted.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const install = wanted.map((name) => `${name}@${RELEASES[name] ?? EXPORTER_RELEASE}`).join(" ");
  throw new TracingError(
    `tracing: OTEL_EXPORTER_OTLP_ENDPOINT asks for it, and ${missing.join(", ")} is not installed (npm install ${install}; or set OTEL_SDK_DISABLED=true)`,
  );
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
