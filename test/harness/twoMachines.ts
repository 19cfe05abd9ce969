/**
 * @file Two network namespaces that serve as two machines, with a cable between them and one from the first to the test.
 *
 * Linux, as root. Addresses carry the number of this process, so that two runs on one machine do not meet.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { python } from "../../tools/python/environment.ts";
import { interopPrograms } from "./python.ts";

export type Machine = {
  /** Address of the machine's end of the cable to the other. */
  readonly address: string;
  /** What runs a program on this machine: put before it. */
  readonly within: readonly string[];
};

/** Why this machine cannot have namespaces, or null. */
export function whyNoNamespaces(): string | null {
  const name = `sc${process.pid}probe`;
  const { status, error } = spawnSync("ip", ["netns", "add", name], { stdio: "ignore" });
  if (error !== undefined) return "skipped: the program ip is not here";
  if (status !== 0) return "skipped: this user may not make network namespaces";
  ip("netns", "del", name);
  return null;
}

export class TwoMachines implements Disposable {
  readonly first: Machine;
  readonly second: Machine;
  /** Address at which the test reaches the first machine. */
  readonly outerAddress: string;
  readonly #names: readonly [string, string];

  constructor() {
    const number = process.pid % 250;
    const names = [`sc${process.pid}a`, `sc${process.pid}b`] as const;
    this.#names = names;
    const [first, second] = names;
    for (const name of names) ip("netns", "add", name);
    ip("link", "add", "cable", "netns", first, "type", "veth", "peer", "name", "cable", "netns", second);
    ip("link", "add", first, "type", "veth", "peer", "name", "outer", "netns", first);
    const machine = (name: string, host: number): Machine => {
      const address = `10.77.${number}.${host}`;
      ip("-n", name, "address", "add", `${address}/30`, "dev", "cable");
      for (const device of ["lo", "cable"]) ip("-n", name, "link", "set", device, "up");
      return { address, within: ["ip", "netns", "exec", name] };
    };
    this.first = machine(first, 1);
    this.second = machine(second, 2);
    this.outerAddress = `10.78.${number}.1`;
    ip("-n", first, "address", "add", `${this.outerAddress}/30`, "dev", "outer");
    ip("-n", first, "link", "set", "outer", "up");
    ip("address", "add", `10.78.${number}.2/30`, "dev", first);
    ip("link", "set", first, "up");
  }

  /** Pull the cable between the machines, or plug it in: neither end is told. */
  setCable(state: "up" | "down"): void {
    ip("-n", this.#names[1], "link", "set", "cable", state);
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) ip("netns", "del", name);
  }
}

/** Every packet that passes the first machine's interfaces. */
export class Capture implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "stagecoach-capture-"));
  readonly #child;
  readonly #interfaces = ["cable", "outer"] as const;

  private constructor({ within }: Machine) {
    const targets = this.#interfaces.flatMap((name) => [name, join(this.#folder, name)]);
    const [program, ...before] = [...within, python];
    this.#child = spawn(program, [...before, join(interopPrograms, "capture.py"), ...targets], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  static async start(machine: Machine): Promise<Capture> {
    const capture = new Capture(machine);
    await once(capture.#child.stdout, "data");
    return capture;
  }

  packetsOf(name: "cable" | "outer"): Buffer {
    return readFileSync(join(this.#folder, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("ip", args, { encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}
