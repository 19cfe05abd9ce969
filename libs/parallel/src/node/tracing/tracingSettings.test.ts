import { describe, expect, test } from "vitest";
import { TracingError } from "../../errors.ts";
import { readTracingSettings } from "./tracingSettings.ts";

const OTEL_EXPORTER_OTLP_ENDPOINT = "http://collector:4318";

describe("readTracingSettings()", () => {
  test.each([
    ["nothing is set", {}],
    ["the endpoint is set to nothing", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }],
    ["other variables are set only", { OTEL_SERVICE_NAME: "a", OTEL_TRACES_SAMPLER: "always_on" }],
    ["the SDK is disabled", { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: "true" }],
    ["traces go nowhere", { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: "none" }],
  ])("off when %s", (_, env) => {
    expect(readTracingSettings(env)).toBeNull();
  });

  test("on with OpenTelemetry's defaults when there is an endpoint", () => {
    expect(readTracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT })).toMatchObject({
      endpoint: "http://collector:4318/v1/traces",
      protocol: "http/protobuf",
      sampler: "parentbased_always_on",
      ratio: 1,
      serviceName: null,
    });
  });

  test.each([
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c:1/otlp/" }, "https://c:1/otlp/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c:1/otlp" }, "https://c:1/otlp"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t:1/x" }, "http://t:1/x"],
    // What a URL has of secrets is for the exporter only.
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:word@c:1?key=k" }, "http://c:1/v1/traces"],
  ])("%j: the variable for traces is a whole URL and comes first, the other a base", (env, endpoint) => {
    expect(readTracingSettings(env)?.endpoint).toBe(endpoint);
  });

  test("the variable for traces comes first elsewhere too", () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_TIMEOUT: "9",
    };
    expect(readTracingSettings(env)).toMatchObject({ protocol: "http/json", timeoutMs: 9 });
    const own = { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/protobuf", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "7" };
    expect(readTracingSettings({ ...env, ...own })).toMatchObject({ protocol: "http/protobuf", timeoutMs: 7 });
  });

  test.each([
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http://HOST:PORT"],
    ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector", "http://HOST:PORT"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf, http/json"],
    ["OTEL_SDK_DISABLED", "yes", "true or false"],
    ["OTEL_TRACES_EXPORTER", "zipkin", "otlp, none"],
    ["OTEL_TRACES_SAMPLER", "jaeger_remote", "parentbased_traceidratio"],
    ["OTEL_TRACES_SAMPLER_ARG", "half", "from 0 to 1"],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5", "from 0 to 1"],
    ["OTEL_BSP_MAX_QUEUE_SIZE", "0", "a whole number from 1"],
  ])("refuses %s=%s with what it may be", (name, value, expected) => {
    const read = () => readTracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT, [name]: value });
    expect(read).toThrow(TracingError);
    expect(read).toThrow(new RegExp(`^${name}: expected .*${expected}.*, got "${value}"`));
  });
});
