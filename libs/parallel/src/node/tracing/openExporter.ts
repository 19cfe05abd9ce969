/** @file Where spans go: an OTLP exporter that tells the log once when nobody takes them, and once when somebody does again. */
import type { SpanExporter } from "@opentelemetry/sdk-trace";
import type { TracedProcess } from "./startTracing.ts";
import type { TracingSettings } from "./tracingSettings.ts";

export async function openExporter(
  settings: Pick<TracingSettings, "endpoint" | "protocol" | "timeoutMs">,
  log: TracedProcess["log"],
): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await (settings.protocol === "http/json"
    ? import("@opentelemetry/exporter-trace-otlp-http")
    : import("@opentelemetry/exporter-trace-otlp-proto"));
  return toldExporter(new OTLPTraceExporter({ timeoutMillis: settings.timeoutMs }), settings.endpoint, log);
}

/** Spans that could not be sent are lost. */
export function toldExporter(exporter: SpanExporter, endpoint: string, log: TracedProcess["log"]): SpanExporter {
  let lost = 0;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error !== undefined) {
          if (lost === 0) log("traces cannot be sent", { endpoint, reason: reasonOf(result.error) });
          lost += spans.length;
        } else if (lost > 0) {
          log("traces are sent again", { endpoint, lostSpans: lost });
          lost = 0;
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

/** Where a name has several addresses, the error that is for all of them says nothing itself. */
function reasonOf(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as readonly Error[]) : [];
  return first?.message ?? error.message;
}
