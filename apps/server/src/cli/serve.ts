/** @file `stagecoach serve`: a gateway with its workers, until it is told to stop. */
import { startTracing } from "@stagecoach/parallel/node";
import { PACKAGED_MODEL } from "@stagecoach/transformer/node";
import { Command, Option } from "commander";
import { pino } from "pino";
import { loadSettings } from "../config/loadSettings.ts";
import {
  flagName,
  serveSettings,
  settingNames,
  variableName,
  type ServeSettings,
  type SettingName,
} from "../config/settings.ts";
import { startGateway, type Gateway, type GatewayControls } from "../gateway/startGateway.ts";
import { reportDownload } from "../progress/reportDownload.ts";
import { repeated } from "./repeated.ts";
import type { Host } from "./runCommandLine.ts";

export function serveCommand(host: Host): Command {
  const command = new Command("serve").description("serve a model over HTTP");
  command.option("--config <file>", "JSON file with settings (env STAGECOACH_CONFIG)");
  command.option("--print-config", "print the settings that would be used, and exit");
  for (const name of settingNames) command.addOption(optionOf(name));
  return command.action(async () => {
    const { config, printConfig, ...flags } = command.opts<
      Partial<Record<SettingName, unknown>> & { config?: string; printConfig?: boolean }
    >();
    const configFile = config ?? host.env["STAGECOACH_CONFIG"];
    const settings = await loadSettings({ flags, env: host.env, ...(configFile === undefined ? {} : { configFile }) });
    if (printConfig === true) host.stdout.write(`${JSON.stringify(withoutSecrets(settings), null, 2)}\n`);
    else await serve(settings, host);
  });
}

function optionOf(name: SettingName): Option {
  const setting: { readonly help: string; readonly argument?: string; readonly repeatable?: true } =
    serveSettings[name];
  const shown = setting.argument === undefined ? "" : ` <${setting.argument}>`;
  const parsedDefault = serveSettings[name].schema.safeParse(undefined);
  const standard =
    parsedDefault.success && !["undefined", "object"].includes(typeof parsedDefault.data)
      ? `; default ${String(parsedDefault.data)}`
      : "";
  const option = new Option(`--${flagName(name)}${shown}`, `${setting.help} (env ${variableName(name)}${standard})`);
  if (setting.repeatable === true) option.argParser(repeated);
  return option;
}

async function serve(settings: ServeSettings, host: Host): Promise<void> {
  const log = pino({ level: settings.logLevel, base: null }, host.stderr);
  const tracing = await startTracing(host.env, {
    serviceName: "stagecoach",
    attributes: {},
    log: (event, facts) => log.warn(facts, event),
  });
  if (tracing !== undefined) log.info(tracing.facts, "requests are traced");
  try {
    await serveTraced(settings, host, { log, tracing });
  } finally {
    await tracing?.stop();
  }
}

async function serveTraced(
  settings: ServeSettings,
  host: Host,
  { log, tracing }: Pick<GatewayControls, "log" | "tracing">,
): Promise<void> {
  const stopping = new AbortController();
  const stopRequested = new Promise<void>((resolve) =>
    stopping.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const) host.on(signal, () => stopping.abort());
  const download = reportDownload(host.stderr, log);
  let gateway: Gateway;
  try {
    gateway = await startGateway(settings, {
      log,
      tracing,
      onDownload: download.update,
      signal: stopping.signal,
    });
  } catch (error) {
    if (error !== stopping.signal.reason) throw error;
    log.info("stopped before it served");
    return;
  } finally {
    download.finish();
  }
  host.stdout.write(banner(gateway, settings));
  await Promise.race([stopRequested, gateway.failed]);
  log.info("stopping: accepted requests are finished first");
  await gateway.stop();
}

/** What the banner shows instead of the model in the box. */
const EXAMPLE_MODEL = "sentence-transformers/all-MiniLM-L6-v2";

function banner(
  { url, workerUrl, model, stages }: Gateway,
  { model: asked, engine, replicas, apiKey, externalWorkers }: ServeSettings,
): string {
  const key = apiKey.length === 0 ? "" : ` -H "Authorization: Bearer $KEY"`;
  const layers = stages
    .map(
      ({ stage, start, end }) =>
        `stage ${stage}: ${end - start === 1 ? `layer ${start}` : `layers ${start}-${end - 1}`}`,
    )
    .join(" | ");
  const lines = [
    "",
    `  Stagecoach serves ${model.name}`,
    `  ${model.dimensions} dimensions, up to ${model.maxLength} tokens, engine ${engine}${replicas > 1 ? `, ${replicas} replicas` : ""}`,
    `  ${layers}`,
    ...(asked === PACKAGED_MODEL
      ? [`  It comes with Stagecoach, small and fast. Another:  --model ${EXAMPLE_MODEL}`]
      : []),
    "",
    `  API      ${url}/v1/embeddings   (OpenAI)   ${url}/embed   (text-embeddings-inference)`,
    `  Docs     ${url}/docs            Metrics   ${url}/metrics`,
    `  Console  ${url}/   (in a browser: the pipelines, jobs, models to try, attention)`,
    ...(externalWorkers > 0 ? [`  Workers  stagecoach worker --join ${workerUrl.replace(/\/$/, "")}`] : []),
    "",
    `  curl ${url}/v1/embeddings${key} -d '{"input":"hello"}'`,
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function withoutSecrets(settings: ServeSettings): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => {
      const { secret } = serveSettings[name as SettingName] as { readonly secret?: true };
      const isSet = value !== undefined && !(Array.isArray(value) && value.length === 0);
      return [name, secret === true && isSet ? "(set)" : value];
    }),
  );
}
