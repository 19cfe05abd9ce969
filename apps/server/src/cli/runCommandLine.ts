/** @file The command line: its commands, and errors as people can use them. */
import { Command, CommanderError } from "commander";
import { version } from "../version.ts";

/** What a command needs of its process. */
export type Host = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  on(signal: "SIGINT" | "SIGTERM", listener: () => void): unknown;
};

/** Errors of ours are for the user: their message says what to do. Others are bugs and show where they come from. */
const USAGE = 2;

type CommandLoader = () => Promise<(host: Host) => Command>;

const loaders: Readonly<Record<string, CommandLoader>> = {
  serve: async () => (await import("./serve.ts")).serveCommand,
  train: async () => (await import("./train.ts")).trainCommand,
  evaluate: async () => (await import("./evaluate.ts")).evaluateCommand,
  worker: async () => (await import("./worker.ts")).workerCommand,
  plan: async () => (await import("./plan.ts")).planCommand,
  models: async () => (await import("./models.ts")).modelsCommand,
  data: async () => (await import("./data.ts")).dataCommand,
  tokenizer: async () => (await import("./tokenizer.ts")).tokenizerCommand,
  doctor: async () => (await import("./doctor.ts")).doctorCommand,
};

/** The code of the command that is asked for; that of all of them for help, and for a name that is none. */
function loadersFor(name: string | undefined): readonly CommandLoader[] {
  const known = name === undefined || !Object.hasOwn(loaders, name) ? undefined : loaders[name];
  return known === undefined ? Object.values(loaders) : [known];
}

/** @returns the exit code */
export async function runCommandLine(argv: readonly string[], host: Host): Promise<number> {
  const program = new Command("stagecoach")
    .description("Serve transformer encoders from Node: the layers run in stage workers that are joined by WebSockets.")
    .version(version)
    .showHelpAfterError("(stagecoach --help lists commands, stagecoach COMMAND --help their options)")
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
    });
  for (const load of loadersFor(argv[2])) program.addCommand(withHandledErrors((await load())(host)));
  program.exitOverride();
  try {
    await program.parseAsync(argv);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    host.stderr.write(`stagecoach: ${describe(error)}\n`);
    return isForUsers(error) ? USAGE : 1;
  }
}

/** Subcommands too throw instead of ending the process. */
function withHandledErrors(command: Command): Command {
  command.exitOverride();
  for (const each of command.commands) withHandledErrors(each);
  return command;
}

/** Every error class of ours has a stable `code` in small letters; Node's own have capitals. */
function isForUsers(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^[a-z_]+$/.test(error.code) &&
    error.code !== "internal"
  );
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isForUsers(error) ? error.message : (error.stack ?? error.message);
}
