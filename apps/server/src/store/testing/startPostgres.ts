/** @file A PostgreSQL server of one's own for tests: a fresh cluster in a temporary folder, on a Unix socket only. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** Debian keeps the server's programs off the PATH, in a folder for each version. */
const DEBIAN = "/usr/lib/postgresql";

/** Folder of `initdb` and `postgres`, or null where they are not installed. */
export function postgresPrograms(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, "bin")) : [];
  const folders = [...versions.toReversed(), ...(process.env["PATH"] ?? "").split(":")];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"))) ?? null;
}

/** For `describe.skipIf` and the test's name: why there is no PostgreSQL, or null. */
export function missingPostgres(): string | null {
  return postgresPrograms() === null ? "skipped: PostgreSQL is not installed (npm run test:interop installs it)" : null;
}

export type TestPostgres = {
  /** Address of a new, empty database. */
  readonly createDatabase: () => string;
  /** End every session, as a restart of the server would. */
  readonly endSessions: () => void;
  readonly stop: () => Promise<void>;
};

export async function startPostgres(): Promise<TestPostgres> {
  const programs = postgresPrograms();
  if (programs === null) throw new Error("internal: ask missingPostgres() first");
  const folder = mkdtempSync(join(tmpdir(), "stagecoach-postgres-"));
  const data = join(folder, "data");
  // The server refuses to run as root.
  const isRoot = userInfo().uid === 0;
  if (isRoot) execFileSync("chown", ["postgres", folder]);
  const as = (program: string, args: readonly string[]): [string, string[]] =>
    isRoot
      ? ["setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", program, ...args]]
      : [program, [...args]];
  execFileSync(...as(join(programs, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"]), {
    stdio: "ignore",
    cwd: "/",
  });
  // Nobody wants the data after a power cut.
  const settings = ["listen_addresses=", "max_connections=20", "fsync=off"].flatMap((setting) => ["-c", setting]);
  const flags = ["-D", data, "-k", folder, ...settings];
  const server = spawn(...as(join(programs, "postgres"), flags), { stdio: ["ignore", "ignore", "pipe"], cwd: "/" });
  const exited = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let log = "";
    server.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("ready to accept connections")) resolve();
    });
    void exited.then(() => reject(new Error(`postgres ended: ${log}`)));
  });
  const ask = (sql: string) => {
    const { status, stderr } = spawnSync(join(programs, "psql"), [
      "-h",
      folder,
      "-U",
      "postgres",
      "-d",
      "postgres",
      "-qc",
      sql,
    ]);
    if (status !== 0) throw new Error(`psql: ${String(stderr)}`);
  };
  let count = 0;
  return {
    createDatabase() {
      const name = `test_${++count}`;
      ask(`create database ${name}`);
      return `postgres://postgres@/${name}?host=${encodeURIComponent(folder)}`;
    },
    endSessions: () =>
      ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stagecoach'"),
    async stop() {
      server.kill("SIGINT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
