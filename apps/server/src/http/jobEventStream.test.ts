/** @file Event streams to clients that read slowly, or leave. */
import type { Request, Response } from "express";
import { EventEmitter, once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TestJobs } from "../jobs/testing/testJobs.ts";
import { streamJobEvents } from "./jobEventStream.ts";

/** A response whose client reads nothing until it is told to. */
class SlowResponse extends EventEmitter {
  headersSent = false;
  writableNeedDrain = false;
  numEvents = 0;

  status(): this {
    return this;
  }

  set(): this {
    return this;
  }

  flushHeaders(): void {
    this.headersSent = true;
  }

  write(text: string): boolean {
    if (text.startsWith("id: ")) this.numEvents++;
    this.writableNeedDrain = true;
    return false;
  }

  end(): void {
    this.emit("ended");
  }

  /** The client has read all that was written. */
  drain(): void {
    this.writableNeedDrain = false;
    this.emit("drain");
  }
}

/** The database answers at once: whatever is going to be written is written by then. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns++) await setImmediate();
}

describe("streamJobEvents()", () => {
  let t: TestJobs;
  let response: SlowResponse;
  let stream: Promise<void>;
  beforeEach(async () => {
    t = await TestJobs.open();
    const { id } = await t.create();
    const trainer = await t.runner.started(1);
    for (let event = 0; event < 250; event++)
      await trainer.tell({ type: "message", level: "info", message: `event ${event}` });
    response = new SlowResponse();
    const request = { get: () => undefined } as unknown as Request;
    stream = streamJobEvents(t.jobs, id, { request, response: response as unknown as Response });
    await settle();
  });
  afterEach(() => t[Symbol.asyncDispose]());

  test("sends a page of a long history, and the next one when that was read", async () => {
    expect(response.numEvents).toBe(100);
    response.drain();
    await settle();
    expect(response.numEvents).toBe(200);
    response.drain();
    await settle();
    expect(response.numEvents).toBe(252);
    response.emit("close");
    await stream;
  });

  test("ends when the client leaves without reading", async () => {
    const ended = once(response, "ended");
    response.emit("close");
    await Promise.all([ended, stream]);
    expect(response.numEvents).toBe(100);
  });
});
