/** @file Server-sent events over `fetch`, because `EventSource` cannot send a key (WHATWG HTML, 9.2.6: parsing an event stream). */
import { request } from "./client.ts";

export type ServerEvent = { readonly event: string; readonly data: string; readonly id: string };

/**
 * Events until the server ends the stream or `signal` aborts.
 *
 * @param lastEventId - of the last event that was seen, to go on behind it; empty for all
 * @throws ApiError
 */
export async function* eventStream(
  path: string,
  { signal, lastEventId = "" }: { readonly signal: AbortSignal; readonly lastEventId?: string },
): AsyncGenerator<ServerEvent> {
  const headers: Record<string, string> = lastEventId === "" ? {} : { "last-event-id": lastEventId };
  const response = await request(path, { signal, headers });
  if (response.body === null) return;
  let event = "message";
  let id = "";
  let data: string[] = [];
  for await (const line of lines(response.body.pipeThrough(new TextDecoderStream()))) {
    if (line === "") {
      if (data.length > 0) yield { event, data: data.join("\n"), id };
      event = "message";
      data = [];
    } else {
      const [, field, value = ""] = /^(\w*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === "event") event = value;
      else if (field === "data") data.push(value);
      else if (field === "id") id = value;
    }
  }
}

async function* lines(stream: ReadableStream<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + chunk).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
