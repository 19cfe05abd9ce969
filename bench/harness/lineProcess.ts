/** @file A program that loads once and then measures whenever it is told to: one line in, one line of JSON out. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

export class LineProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (line: Record<string, number>) => void; reject: (error: Error) => void }[] = [];
  #stderr = "";

  constructor(
    command: string,
    args: readonly string[],
    options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
  ) {
    this.#child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      cwd: options.cwd,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr
      ?.setEncoding("utf8")
      .on("data", (text: string) => (this.#stderr = (this.#stderr + text).slice(-4000)));
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      if (line.startsWith("{")) this.#waiting.shift()?.resolve(JSON.parse(line) as Record<string, number>);
    });
    const fail = (why: string) =>
      this.#waiting
        .splice(0)
        .forEach(({ reject }) => reject(new Error(`${command} ${args.join(" ")} ${why}:\n${this.#stderr}`)));
    this.#child.on("error", (error) => fail(error.message));
    this.#child.on("exit", (code) => fail(`ended with ${code}`));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Send a line, wait for the answer. */
  ask(line: string): Promise<Record<string, number>> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin!.write(`${line}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 10_000);
    if (this.#child.exitCode === null) await exited;
    clearTimeout(timer);
  }
}
