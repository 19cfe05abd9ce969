import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { DataLink } from "../dataLink.ts";
import { ProtocolError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import type { MessageSocket, SocketClose } from "../socket.ts";
import { Random } from "../testing/random.ts";
import { crc32, now } from "./clock.ts";
import {
  dialSocket,
  isEveryAddress,
  isLoopback,
  listenForSockets,
  MIN_TOKEN_LENGTH,
  type Listener,
} from "./wsSocket.ts";

const token = "0123456789abcdef0123456789abcdef";
const maxMessageBytes = 1 << 20;
const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

type Setting = { readonly secure?: boolean; readonly token?: string; readonly maxMessageBytes?: () => number };

/** A listener on a free port of loopback, and the sockets that it accepts. */
async function listening(setting: Setting = {}) {
  const accepted: MessageSocket[] = [];
  const waiting: ((socket: MessageSocket) => void)[] = [];
  const listener = await listenForSockets({
    host: "127.0.0.1",
    port: 0,
    token,
    ...setting,
    paths: {
      "/data": {
        maxMessageBytes: () => setting.maxMessageBytes?.() ?? maxMessageBytes,
        accept: (socket) => {
          accepted.push(socket);
          waiting.shift()?.(socket);
        },
      },
    },
  });
  opened.push(() => listener.close());
  const next = () => new Promise<MessageSocket>((resolve) => waiting.push(resolve));
  return { listener, accepted, next };
}

/** Both ends of a connection. */
async function connected(setting: Setting = {}) {
  const { listener, next } = await listening(setting);
  const incoming = next();
  const client = await dialSocket(listener.urlOf("/data"), { token, maxMessageBytes });
  opened.push(() => client.terminate());
  return { listener, client, server: await incoming };
}

const closeOf = (socket: MessageSocket) => new Promise<SocketClose>((resolve) => socket.onClose(resolve));

/** The first `count` messages. */
function received(socket: MessageSocket, count: number): Promise<(string | Uint8Array)[]> {
  const messages: (string | Uint8Array)[] = [];
  return new Promise((resolve) =>
    socket.onMessage((message) => {
      messages.push(message);
      if (messages.length === count) resolve(messages);
    }),
  );
}

/** What dialing was refused with. */
const refusal = async (url: string, own = token): Promise<string> => {
  const error: unknown = await dialSocket(url, { token: own, maxMessageBytes }).then(
    (socket) => (socket.terminate(), "connected"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ProtocolError);
  return (error as Error).message;
};

/** A connection of its own to a listener's port, for what no WebSocket client says. */
function rawConnection({ port }: Listener): Socket {
  const socket = connect(port, "127.0.0.1");
  opened.push(() => socket.destroy());
  return socket;
}

const upgradeRequest = (target: string, authorization = "") =>
  `GET ${target} HTTP/1.1\r\nHost: worker\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${authorization}\r\n`;

/** A request without an upgrade. */
async function plainRequest({ port }: Listener): Promise<{ status: number; body: string }> {
  const sent = request({ port, host: "127.0.0.1", path: "/data" }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += String(chunk);
  return { status: response.statusCode ?? 0, body };
}

describe.each([
  ["ws", { secure: false }],
  ["wss with a pre-shared key", { secure: true }],
])("a connection over %s", (_, setting) => {
  test("carries text and bytes both ways, in order", async () => {
    const { client, server } = await connected(setting);
    const [there, back] = [received(server, 3), received(client, 2)];
    client.send("one");
    client.send(Uint8Array.of(1, 2, 3));
    client.send("\u4e2d\u6587");
    server.send(new Uint8Array(0));
    server.send("two");
    const [text, bytes, last] = await there;
    expect([text, [...(bytes as Uint8Array)], last]).toEqual(["one", [1, 2, 3], "\u4e2d\u6587"]);
    expect((await back).map((each) => each.length)).toEqual([0, 3]);
  });

  test("needs a message's memory no more once it says that it is sent", async () => {
    const { client, server } = await connected(setting);
    const messages = Array.from(Array(20).keys(), (index) => new Uint8Array(maxMessageBytes).fill(index + 1));
    const there = received(server, messages.length);
    await Promise.all(
      messages.map((message) => new Promise<void>((sent) => client.send(message, () => (message.fill(0), sent())))),
    );
    const same = (await there).map((each, index) => (each as Uint8Array).every((byte) => byte === index + 1));
    expect(same).toEqual(messages.map(() => true));
  });

  test("keeps messages until somebody listens", async () => {
    const { client, server } = await connected(setting);
    client.send("early");
    const back = received(client, 1);
    server.send("sent after it");
    await back;
    expect(await received(server, 1)).toEqual(["early"]);
  });

  test("tells the other end how it was closed", async () => {
    const { client, server } = await connected(setting);
    const ending = closeOf(server);
    client.close(4409, "stale \u00e9poch");
    expect(await ending).toEqual({ code: 4409, reason: "stale \u00e9poch" });
  });

  test("tells of a close that came before anybody listened", async () => {
    const { client, server } = await connected(setting);
    const ending = closeOf(client);
    server.close(1001, "leaving");
    await ending;
    expect(await closeOf(client)).toEqual({ code: 1001, reason: "leaving" });
  });

  test("tells the other end when it is cut", async () => {
    const { client, server } = await connected(setting);
    const ending = closeOf(client);
    server.terminate();
    expect((await ending).code).toBe(1006);
    client.send("nobody hears this, and nothing is thrown");
  });
});

describe("a message", () => {
  test("above maxMessageBytes is not delivered, and closes the connection", async () => {
    const { client, server } = await connected({ maxMessageBytes: () => 1000 });
    let delivered = 0;
    server.onMessage(() => delivered++);
    const endings = Promise.all([closeOf(server), closeOf(client)]);
    client.send(new Uint8Array(1000));
    client.send(new Uint8Array(1001));
    const [atServer, atClient] = await endings;
    expect(delivered).toBe(1);
    expect(atServer.reason).toMatch(/payload/i);
    expect(atClient.code).toBe(1009);
  });

  test("may be as large as the listener allows when its connection is made", async () => {
    let allowed = 10;
    const { listener, next } = await listening({ maxMessageBytes: () => allowed });
    const dial = async () => {
      const incoming = next();
      const client = await dialSocket(listener.urlOf("/data"), { token, maxMessageBytes });
      return { client, server: await incoming };
    };
    const before = await dial();
    allowed = 1000;
    const after = await dial();
    const refused = closeOf(before.client);
    const arrived = received(after.server, 1);
    for (const { client } of [before, after]) client.send(new Uint8Array(1000));
    expect((await refused).code).toBe(1009);
    expect((await arrived)[0]!.length).toBe(1000);
  });

  test("belongs to its receiver alone: giving its memory away harms no other message", async () => {
    const { client, server } = await connected();
    const sizes = [40_000, 20_000, 300, 40_000, 90_000, 17, 33_000, 5000, 70_001, 128];
    const there = received(server, sizes.length * 20);
    for (let round = 0; round < 20; round++) {
      sizes.forEach((size, index) => client.send(new Uint8Array(size).fill(index + 1)));
    }
    const harmed: number[] = [];
    ((await there) as Uint8Array[]).forEach((message, at) => {
      const index = at % sizes.length;
      if (message.length !== sizes[index] || !message.every((byte) => byte === index + 1)) harmed.push(at);
      // As an engine's thread takes activations.
      structuredClone(message.buffer, { transfer: [message.buffer as ArrayBuffer] });
    });
    expect(harmed).toEqual([]);
  });

  // Small and large frames mixed, so that they begin anywhere in what a read of the socket gives.
  test.each([false, true])("carries frames whose tensors arrive as they were sent (TLS: %s)", async (secure) => {
    const { client, server } = await connected({ secure });
    const hello = { replica: 0, stage: 0, epoch: 1, role: "sender" } as const;
    const options = { crc32, now, credits: 1000 };
    const [sender, { link }] = await Promise.all([
      DataLink.open(client, hello, options),
      DataLink.accept(server, () => {}, options),
    ]);
    const random = new Random(61);
    const frames = Array.from({ length: 400 }, (_, microBatch): Frame => {
      const size = random.pick([1, 5, 100, 1000, 9000, 17_000, 40_000]);
      const values = Float32Array.from({ length: size }, () => random.normal());
      const tensor = { name: "hidden", dtype: "float32", shape: [size], data: values } as const;
      const meta = { pad: "x".repeat(random.whole(0, 70)) };
      return { kind: "forward", run: 0, epoch: 1, step: 0, microBatch, attempt: 0, meta, tensors: [tensor] };
    });
    const there = new Promise<Frame[]>((resolve) => {
      const seen: Frame[] = [];
      link.onFrame((frame) => {
        seen.push(frame);
        if (seen.length === frames.length) resolve(seen);
      });
    });
    for (const frame of frames) void sender.send(frame);
    expect(await there).toEqual(frames);
  });
});

describe("listenForSockets()", () => {
  test("refuses another token with 401, whatever its length", async () => {
    const { listener } = await listening();
    for (const other of ["", "x", token.slice(1), `${token}x`, "0".repeat(32)]) {
      expect(await refusal(listener.urlOf("/data"), other)).toMatch(/the join token was refused .*--token/);
    }
  });

  test("refuses a connection without a token with 401", async () => {
    const { listener } = await listening();
    const socket = rawConnection(listener).end(upgradeRequest("/data"));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
  });

  test("answers 404 for a path that nobody serves, also with the token", async () => {
    const { listener } = await listening();
    for (const path of ["/", "/dat", "/data/x", "/constructor", "/__proto__"]) {
      expect(await refusal(listener.urlOf(path))).toContain("404");
    }
  });

  test("answers a request without an upgrade with 426", async () => {
    const { listener } = await listening();
    expect(await plainRequest(listener)).toEqual({ status: 426, body: "this port speaks WebSocket\n" });
  });

  test.each(["//", "///", "http://[", "/%", "/data?x=//", "*", "\\\\"])(
    "lives on after a request for %s from somebody without a token",
    async (target) => {
      const { listener } = await listening();
      const socket = rawConnection(listener).on("error", () => {});
      socket.write(upgradeRequest(target));
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 4\d\d /);
      await dialSocket(listener.urlOf("/data"), { token, maxMessageBytes });
    },
  );

  test("lives on when a refused client resets its connection", async () => {
    const { listener } = await listening();
    for (let round = 0; round < 20; round++) {
      const socket = rawConnection(listener).on("error", () => {});
      await once(socket, "connect");
      for (let more = 0; more < 3; more++) socket.write(upgradeRequest("/data"));
      setImmediate(() => socket.resetAndDestroy());
      await once(socket, "close");
    }
    await expect(dialSocket(listener.urlOf("/data"), { token, maxMessageBytes })).resolves.toBeDefined();
  });

  test("closes the connection of a refused client that stays", async () => {
    const { listener } = await listening();
    const socket = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
    opened.push(() => socket.destroy());
    socket.write(upgradeRequest("/data"));
    await once(socket.resume(), "end");
    // Its end was answered by nobody: what it still says must meet a reset.
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const writing = setInterval(() => socket.write("more"), 10);
    await closed;
    clearInterval(writing);
    expect(socket.destroyed).toBe(true);
  });

  test("refuses a token that is too short to be a key, and says how to make one", async () => {
    const short = "x".repeat(MIN_TOKEN_LENGTH - 1);
    await expect(listening({ secure: true, token: short })).rejects.toThrow(
      /at least 32 characters off loopback, got 31 \(openssl rand -hex 32/,
    );
    await expect(listening({ secure: false, token: short })).resolves.toBeDefined();
  });

  test("refuses a port that is taken", async () => {
    const { listener } = await listening();
    const again = listenForSockets({ host: "127.0.0.1", port: listener.port, token, paths: {} });
    await expect(again).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("names its URL as a peer dials it", async () => {
    const { listener } = await listening();
    expect(listener.urlOf("/data")).toBe(`ws://127.0.0.1:${listener.port}/data`);
    expect(listener.urlOf("/data", "::1")).toBe(`ws://[::1]:${listener.port}/data`);
    const secure = await listening({ secure: true });
    expect(secure.listener.urlOf("/control", "gateway")).toBe(`wss://gateway:${secure.listener.port}/control`);
  });

  test.each([false, true])("close() ends every connection, silent and refused ones too (TLS: %s)", async (secure) => {
    const { listener, client } = await connected({ secure });
    const silent = rawConnection(listener);
    await once(silent, "connect");
    const refused = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
    opened.push(() => refused.destroy());
    refused.write(upgradeRequest("/nowhere"));
    await once(refused.resume(), "end");
    const ending = closeOf(client);
    const started = performance.now();
    await listener.close();
    expect(performance.now() - started).toBeLessThan(10_000);
    expect((await ending).code).toBe(1006);
    await refusal(listener.urlOf("/data"));
  });
});

describe("dialSocket()", () => {
  test("fails at both ends when the keys differ, and says that it is the token", async () => {
    const { listener, accepted } = await listening({ secure: true });
    expect(await refusal(listener.urlOf("/data"), "f".repeat(32))).toMatch(/the join token is not the gateway's/);
    expect(accepted).toEqual([]);
  });

  test("does not send the token before the key has been checked", async () => {
    // A listener that takes the place of the gateway, without its key, sees no byte of the token.
    const seen: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on("error", () => {});
      // The first thing that comes is the greeting of TLS; the answer to it is none.
      socket.once("data", (data: Buffer) => (seen.push(data), socket.destroy()));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    opened.push(() => server.close());
    await refusal(`wss://127.0.0.1:${(server.address() as AddressInfo).port}/data`);
    expect(seen).toHaveLength(1);
    expect(Buffer.concat(seen).includes(token)).toBe(false);
  });

  test.each(["ws://example.org/data", "ws://10.0.0.1:7000/data", "ws://127.example.org/data", "ws://[2001:db8::1]/"])(
    "does not send the token in the clear to %s",
    async (url) => {
      expect(await refusal(url)).toMatch(/expected wss:\/\/ for a host other than this one/);
    },
  );

  test("says that nobody listens, also when the port's number looks like a status", async () => {
    const busy = createServer();
    const port = await portWith401(busy);
    expect(await refusal(`ws://127.0.0.1:${port}/data`)).toMatch(/ECONNREFUSED/);
  });

  test("says what it is when one end speaks TLS and the other does not", async () => {
    const plain = await listening();
    expect(await refusal(plain.listener.urlOf("/data").replace("ws:", "wss:"))).toMatch(/^dial wss:/);
    const secure = await listening({ secure: true });
    expect(await refusal(secure.listener.urlOf("/data").replace("wss:", "ws:"))).toMatch(/^dial ws:/);
  });
});

/** A free port with 401 in its number. */
async function portWith401(server: Server): Promise<number> {
  for (const port of [14_010, 24_011, 34_012, 44_013, 54_014, 40_155]) {
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
  throw new Error("no free port with 401 in its number");
}

describe("isEveryAddress()", () => {
  test.each([
    ["0.0.0.0", true],
    ["::", true],
    ["127.0.0.1", false],
    ["::1", false],
    ["10.0.0.1", false],
  ])("%s: %s", (host, expected) => {
    expect(isEveryAddress(host)).toBe(expected);
  });
});

describe("isLoopback()", () => {
  test.each(["localhost", "127.0.0.1", "127.0.0.2", "127.255.255.254", "::1"])("%s is", (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  test.each(["0.0.0.0", "::", "10.0.0.1", "127.example.org", "127.0.0.1.example.org", "localhost.example.org", ""])(
    '"%s" is not',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
