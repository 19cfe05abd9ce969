/**
 * @file The console in a real browser: Debian's Chromium, driven by playwright-core.
 *
 * Whatever the page logs as an error, throws, or asks of another host fails the test that closes it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Locator, type Page } from "playwright-core";
import { repository } from "./paths.ts";

export type BrowserOptions = {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
};

export type ConsolePage = AsyncDisposable & {
  readonly page: Page;
  /** Everything that went wrong so far: errors of the page, and requests that left the server. Reading it clears it. */
  readonly takeProblems: () => string[];
};

/** Where Debian's package puts it. */
const executablePath = "/usr/bin/chromium";

/** A page at `url` in a browser of its own. Close with `await using`: it throws what went wrong in the page. */
export async function openConsole(url: string, options: BrowserOptions = {}): Promise<ConsolePage> {
  // As root, in a container, Chromium's sandbox does not start.
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const context = await browser.newContext({
    viewport: options.viewport ?? { width: 1280, height: 900 },
    colorScheme: options.colorScheme ?? "light",
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const problems: string[] = [];
  const { host } = new URL(url);
  page.on("pageerror", (error) => problems.push(`the page threw: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`the page logged: ${message.text()} (${message.location().url})`);
  });
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol.startsWith("http") && asked.host !== host)
      problems.push(`a request left the server: ${asked.href}`);
  });
  await page.goto(url);
  const takeProblems = () => problems.splice(0);
  return {
    page,
    takeProblems,
    async [Symbol.asyncDispose]() {
      await browser.close();
      const left = takeProblems();
      if (left.length > 0) throw new Error(left.join("\n"));
    },
  };
}

const pictures = join(repository, "docs/pictures");

/**
 * A picture for the docs, made by the test run when `STAGECOACH_PICTURES=1`; in other runs it goes into .cache, so that every run shows
 * that it can be made, and none changes the repository.
 *
 * @param height - pixels of the page's beginning; all of it when left out
 */
export async function picture(page: Page, name: string, height?: number): Promise<void> {
  const clip = height === undefined ? {} : { clip: { x: 0, y: 0, width: page.viewportSize()!.width, height } };
  await page.screenshot({ path: pictureFile(name), fullPage: true, ...clip });
}

/** The same of a part of a page. */
export async function pictureOf(part: Locator, name: string): Promise<void> {
  await part.screenshot({ path: pictureFile(name) });
}

function pictureFile(name: string): string {
  const folder = process.env["STAGECOACH_PICTURES"] === "1" ? pictures : join(repository, ".cache/pictures");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}
