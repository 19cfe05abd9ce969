/**
 * @file OpenTelemetry's SDK as this project's tracer: with the exporter beside it all that imports the SDK, and nobody loads it where tracing is off.
 *
 * The provider is not registered globally: nothing but our own code makes spans of it.
 */
import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type HrTime,
  type Span,
  type SpanContext,
  type Tracer as OpenTelemetryTracer,
} from "@opentelemetry/api";
import {
  resourceFromAttributes,
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { formatTraceparent, parseTraceparent } from "../../tracing/traceparent.ts";
import type { SpanStart, TraceSpan } from "../../tracing/tracer.ts";
import { monotonicMs, unixMs } from "../clock.ts";
import { openExporter } from "./openExporter.ts";
import type { IncomingRequest, ProcessTracer, RequestSpan, TracedProcess, Tracing } from "./startTracing.ts";
import type { SamplerName, TracingSettings } from "./tracingSettings.ts";

const SCOPE = "stagecoach";
const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};
const kinds = { internal: SpanKind.INTERNAL, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER } as const;

export async function openTelemetry(settings: TracingSettings, traced: TracedProcess): Promise<Tracing> {
  const exporter = await openExporter(settings, traced.log);
  const provider = new TracerProvider({
    sampler: onceAtTheRequest(samplers[settings.sampler](settings.ratio)),
    resource: resourceOf(settings, traced),
    spanProcessors: [new BatchSpanProcessor({ exporter, ...settings.batches })],
  });
  const { endpoint, sampler } = settings;
  return {
    tracer: new OpenTelemetrySpans(provider.getTracer(SCOPE, version)),
    facts: { endpoint, sampler },
    // What could not be sent is in the log.
    stop: () => provider.shutdown().catch(() => {}),
  };
}

function resourceOf({ serviceName }: TracingSettings, traced: TracedProcess) {
  const own = resourceFromAttributes({
    "service.name": traced.serviceName,
    "service.version": version,
    "service.instance.id": randomUUID(),
    "host.name": hostname(),
    "process.pid": process.pid,
    ...traced.attributes,
  });
  const given = detectResources({ detectors: [resourceAttributesEnvDetector] });
  const named = resourceFromAttributes(serviceName === null ? {} : { "service.name": serviceName });
  return defaultResource().merge(own).merge(given).merge(named);
}

const samplers: Readonly<Record<SamplerName, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
};

/** Parts are made of requests that are recorded only: of these, all of them, in every process. */
function onceAtTheRequest(ofRequests: Sampler): Sampler {
  const always = new AlwaysOnSampler();
  return {
    // oxlint-disable-next-line max-params -- the SDK's own interface
    shouldSample(context, traceId, name, kind, attributes, links) {
      const sampler = kind === SpanKind.SERVER ? ofRequests : always;
      return sampler.shouldSample(context, traceId, name, kind, attributes, links);
    },
    toString: () => ofRequests.toString(),
  };
}

class OpenTelemetrySpans implements ProcessTracer {
  readonly #tracer: OpenTelemetryTracer;

  constructor(tracer: OpenTelemetryTracer) {
    this.#tracer = tracer;
  }

  start(name: string, { parent, startMs, kind = "internal", links = [], attributes = {} }: SpanStart): TraceSpan {
    const span = this.#tracer.startSpan(
      name,
      {
        kind: kinds[kind],
        startTime: timeOf(startMs),
        attributes,
        links: links.flatMap((link) => {
          const context = remoteSpan(link);
          return context === null ? [] : [{ context }];
        }),
      },
      within(remoteSpan(parent)),
    );
    return this.#wrap(span);
  }

  startRequest(name: string, { startMs, traceparent, tracestate, attributes }: IncomingRequest): RequestSpan {
    const client = traceparent === undefined ? null : remoteSpan(traceparent, tracestate);
    const options = { kind: SpanKind.SERVER, startTime: timeOf(startMs), attributes };
    const span = this.#tracer.startSpan(name, options, within(client));
    const { traceId, spanId } = span.spanContext();
    return {
      ...this.#wrap(span),
      traceId,
      spanId,
      isRecorded: span.isRecording(),
      rename: (to) => span.updateName(to),
    };
  }

  readonly unixMs = unixMs;
  readonly monotonicMs = monotonicMs;

  #wrap(span: Span): TraceSpan {
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceparent: formatTraceparent({ traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 }),
      end: (endMs, { error, attributes = {} } = {}) => {
        span.setAttributes(attributes);
        if (error !== undefined) {
          span.setAttribute("error.type", "code" in error ? String(error.code) : error.name);
          span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
        }
        span.end(timeOf(endMs));
      },
    };
  }
}

/** Of a time of the monotonic clock. */
function timeOf(ms: number): HrTime {
  const unix = unixMs(ms);
  const seconds = Math.floor(unix / 1000);
  return [seconds, Math.round((unix - seconds * 1000) * 1e6)];
}

/** @returns null for what is no traceparent */
function remoteSpan(traceparent: string, tracestate?: string): SpanContext | null {
  const id = parseTraceparent(traceparent);
  if (id === null) return null;
  const { traceId, spanId, isSampled } = id;
  return {
    traceId,
    spanId,
    isRemote: true,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  };
}

function within(parent: SpanContext | null): Context {
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}
