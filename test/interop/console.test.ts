/** @file The console in Chromium: its frame, the key, and that it needs neither a mouse nor a large screen. */
import { expect, test } from "vitest";
import { expectAccessible } from "../harness/accessible.ts";
import { openConsole } from "../harness/chromium.ts";
import { startServer } from "../harness/startServer.ts";

const pages = ["overview", "jobs", "try", "attention"];

test("a browser gets the console at /, everything else gets the answer of a probe", async () => {
  await using server = await startServer();
  const probe = await server.get("/");
  expect([probe.status, await probe.text()]).toEqual([200, ""]);
  const page = await server.get("/", { accept: "text/html,application/xhtml+xml,*/*;q=0.8" });
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  const html = await page.text();
  expect(html).toContain('<div id="root">');
  const [script] = /\/console\/[^"]+\.js/.exec(html)!;
  const bundle = await server.get(script);
  expect(bundle.status).toBe(200);
  expect(bundle.headers.get("cache-control")).toContain("immutable");
});

test.each([
  ["light", 1280],
  ["dark", 1280],
  ["light", 360],
] as const)(
  "%s, %i pixels wide: axe-core finds nothing on any page, and none is wider than the screen",
  async (colorScheme, width) => {
    await using server = await startServer();
    await using browser = await openConsole(server.url, { colorScheme, viewport: { width, height: 780 } });
    const { page } = browser;
    for (const name of pages) {
      await page.goto(`${server.url}/#/${name}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await expectAccessible(page);
      expect(await page.locator("html").evaluate((html) => html.scrollWidth), name).toBeLessThanOrEqual(width);
    }
  },
);

test("the key is asked for once, and kept", async () => {
  const key = "key-of-this-test";
  await using server = await startServer({ flags: ["--api-key", key] });
  await using browser = await openConsole(server.url);
  const { page, takeProblems } = browser;
  await page.goto(`${server.url}/#/jobs`);
  await page.getByLabel("API key").fill("wrong-one");
  await page.keyboard.press("Enter");
  await page.getByText("This server wants an API key").waitFor();
  await page.getByLabel("API key").fill(key);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  // Chromium logs each 401 by itself.
  expect(takeProblems().filter((line) => !line.includes("401"))).toEqual([]);
  await page.reload();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  await page.waitForLoadState("networkidle");
  expect(await page.getByLabel("API key").count()).toBe(0);
});
