/**
 * @file Spans of a micro-batch in one stage: its way over the link, then the stage with waiting, computing and sending in it.
 *
 * All are children of the gateway's micro-batch. They say of which place and layers they are, since a worker can be given others in its life.
 */
import type { Assignment } from "../control.ts";
import type { Frame } from "../frame.ts";
import { traceOf, type FrameTrace } from "../microBatchFrames.ts";
import type { TimedOutput } from "../stage.ts";
import { recordPassage, type SpanAttributes, type TraceSpan, type Tracer } from "./tracer.ts";

/** What a worker records: nothing where it has no tracer. */
export class StageRecorder {
  readonly #options: { readonly tracer?: Tracer | undefined; readonly now: () => number };
  readonly #receivedMs = new WeakMap<Frame, number>();

  constructor(options: { readonly tracer?: Tracer | undefined; readonly now: () => number }) {
    this.#options = options;
  }

  /** A frame has come; it may have to wait. */
  received(frame: Frame): void {
    const { tracer, now } = this.#options;
    if (tracer !== undefined && "traceparent" in frame.meta) this.#receivedMs.set(frame, now());
  }

  /** @returns undefined for a micro-batch that is not recorded @throws FrameError, also where nothing is recorded */
  begin(frame: Frame, assignment: Assignment): StageSpans | undefined {
    const trace = traceOf(frame);
    const receivedMs = this.#receivedMs.get(frame);
    const { tracer, now } = this.#options;
    if (trace === undefined || tracer === undefined || receivedMs === undefined) return undefined;
    return new StageSpans({ tracer, now }, assignment, { trace, receivedMs, attempt: frame.attempt });
  }
}

type Received = { readonly trace: FrameTrace; readonly receivedMs: number; readonly attempt: number };

export class StageSpans {
  readonly #tracer: Tracer;
  readonly #now: () => number;
  readonly #place: SpanAttributes;
  readonly #receivedMs: number;
  readonly #stage: TraceSpan;
  #computedMs: number;

  constructor(
    { tracer, now }: { readonly tracer: Tracer; readonly now: () => number },
    { replica, stage, layers }: Assignment,
    { trace, receivedMs, attempt }: Received,
  ) {
    const { traceparent: parent, sentAt } = trace;
    this.#tracer = tracer;
    this.#now = now;
    this.#receivedMs = receivedMs;
    this.#computedMs = receivedMs;
    this.#place = {
      "stagecoach.replica": replica,
      "stagecoach.stage": stage,
      "stagecoach.layers": `${layers.start}-${layers.end - 1}`,
    };
    const [from, to] = [stage === 0 ? "gateway" : `stage ${stage - 1}`, `stage ${stage}`];
    if (sentAt !== undefined) recordPassage(tracer, { parent, from, to, sentAt, receivedMs });
    this.#stage = tracer.start(to, {
      parent,
      startMs: receivedMs,
      kind: "consumer",
      attributes: { ...this.#place, "stagecoach.attempt": attempt },
    });
  }

  /** The engine is done; its thread says when it began, and how long it took. What comes before is waiting, what comes behind is sending. */
  computed({ startedAt, busyMs }: TimedOutput): void {
    const toldMs = this.#now();
    // The thread's clock is near this one's, not the same.
    const startMs = Math.min(Math.max(this.#tracer.monotonicMs(startedAt), this.#receivedMs), toldMs);
    this.#computedMs = Math.min(startMs + busyMs, toldMs);
    this.#part("wait", this.#receivedMs, startMs);
    this.#part("compute", startMs, this.#computedMs);
  }

  /** Unix milliseconds, for the frame that goes on. */
  sentAt(): number {
    return this.#tracer.unixMs(this.#now());
  }

  /** The result is with the next link's socket; before, it may have waited for a credit. */
  sent(): void {
    const endMs = this.#now();
    this.#part("send", this.#computedMs, endMs);
    this.#stage.end(endMs);
  }

  failed(error: unknown): void {
    this.#stage.end(this.#now(), { error: error instanceof Error ? error : new Error(String(error)) });
  }

  #part(name: string, startMs: number, endMs: number): void {
    const parent = this.#stage.traceparent;
    this.#tracer.start(name, { parent, startMs, attributes: this.#place }).end(endMs);
  }
}
