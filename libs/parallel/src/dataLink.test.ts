import { describe, expect, test } from "vitest";
import { DataLink, type DataLinkOptions, type LinkHello } from "./dataLink.ts";
import { ProtocolError } from "./errors.ts";
import { decodeFrame, encodeFrame, type Frame } from "./frame.ts";
import { crc32 } from "./node/clock.ts";
import { closeCodes } from "./socket.ts";
import { FakeClock } from "./testing/fakeClock.ts";
import { MemoryNetwork, turn, type MemorySocket } from "./testing/memoryNetwork.ts";
import { Random } from "./testing/random.ts";

const hello: LinkHello = { replica: 2, stage: 1, epoch: 7, role: "sender" };
const blank = { run: 0, epoch: 0, step: 0, attempt: 0, meta: {}, tensors: [] } as const;
const frameNumber = (microBatch: number): Frame => ({ ...blank, kind: "forward", microBatch });

function setUp(credits = 2) {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const [dialing, dialed] = network.pair("dialing", "dialed");
  const options: DataLinkOptions = { crc32, now: clock.now, credits };
  return { network, clock, dialing, dialed, options };
}

/** A link whose dialing end has `role`; `sender` and `receiver` are its ends by what they do. */
async function linked({ role = "sender", credits = 2 }: { role?: LinkHello["role"]; credits?: number } = {}) {
  const { network, clock, dialing, dialed, options } = setUp(credits);
  const opening = DataLink.open(dialing, { ...hello, role }, options);
  const accepting = DataLink.accept(dialed, () => {}, options);
  await network.settle();
  const [opened, accepted] = await Promise.all([opening, accepting]);
  const [sender, receiver] = role === "sender" ? [opened, accepted.link] : [accepted.link, opened];
  const [senderSocket, receiverSocket] = role === "sender" ? [dialing, dialed] : [dialed, dialing];
  return { network, clock, sender, receiver, senderSocket, receiverSocket, hello: accepted.hello };
}

/** Send raw messages as a peer that does not keep to the protocol. */
const write = (socket: MemorySocket, frame: Partial<Frame> & Pick<Frame, "kind">) =>
  socket.send(encodeFrame({ ...blank, microBatch: 0, ...frame }, crc32));

const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "no error",
    (error: unknown) => error,
  );

describe("the handshake of a data link", () => {
  test("gives the dialed end what the dialing one said of itself", async () => {
    expect((await linked()).hello).toEqual(hello);
  });

  test.each(["sender", "receiver"] as const)(
    "grants credits to the sender when the dialing end is the %s",
    async (role) => {
      const { sender, receiver } = await linked({ role, credits: 3 });
      expect(sender.credits).toBe(3);
      expect(receiver.credits).toBe(0);
    },
  );

  test("tells the dialing end why it was refused, and which error the dialed end gave", async () => {
    const { network, dialing, dialed, options } = setUp();
    const refuse = () => {
      throw new ProtocolError("expected epoch 8, got 7");
    };
    const opening = reasonOf(DataLink.open(dialing, hello, options));
    const accepting = reasonOf(DataLink.accept(dialed, refuse, options));
    await network.settle();
    expect(await accepting).toEqual(new ProtocolError("expected epoch 8, got 7"));
    expect(await opening).toBeInstanceOf(ProtocolError);
    expect(String(await opening)).toContain("expected epoch 8, got 7");
    expect(dialing.ending).toEqual({ code: closeCodes.staleEpoch, reason: "expected epoch 8, got 7" });
  });

  test("a connection that closes instead is an error at both ends", async () => {
    const { network, dialing, dialed, options } = setUp();
    const opening = reasonOf(DataLink.open(dialing, hello, options));
    dialed.terminate();
    await network.settle();
    expect(await opening).toBeInstanceOf(ProtocolError);

    const [left, right] = network.pair("left", "right");
    const accepting = reasonOf(DataLink.accept(left, () => {}, options));
    right.terminate();
    await network.settle();
    expect(await accepting).toBeInstanceOf(ProtocolError);
  });

  test.each<[string, Partial<Frame>]>([
    ["a forward frame", { kind: "forward" }],
    ["a welcome", { kind: "welcome" }],
    ["a credit", { kind: "credit", meta: { credits: 1 } }],
  ])("%s instead of the hello closes the link with 4400", async (_, frame) => {
    const { network, dialing, dialed, options } = setUp();
    const accepting = reasonOf(DataLink.accept(dialed, () => {}, options));
    write(dialing, { kind: "hello", ...frame });
    await network.settle();
    expect(String(await accepting)).toContain("expected a hello frame first");
    expect(dialing.ending?.code).toBe(closeCodes.protocolViolation);
  });

  test.each<[string, Record<string, unknown>]>([
    ["no role", { replica: 0, stage: 0, credits: 0 }],
    ["another role", { replica: 0, stage: 0, role: "both", credits: 0 }],
    ["no stage", { replica: 0, role: "sender", credits: 0 }],
    ["a stage in words", { replica: 0, stage: "one", role: "sender", credits: 0 }],
    ["no credits", { replica: 0, stage: 0, role: "sender" }],
    ["half a credit", { replica: 0, stage: 0, role: "sender", credits: 0.5 }],
    ["credits below 0", { replica: 0, stage: 0, role: "sender", credits: -1 }],
    ["credits beyond 1024", { replica: 0, stage: 0, role: "sender", credits: 1025 }],
  ])("a hello with %s is refused", async (_, meta) => {
    const { network, dialing, dialed, options } = setUp();
    const accepting = reasonOf(DataLink.accept(dialed, () => {}, options));
    write(dialing, { kind: "hello", meta });
    await network.settle();
    expect(await accepting).toBeInstanceOf(ProtocolError);
    expect(dialing.ending?.code).toBe(closeCodes.protocolViolation);
  });

  test("a welcome without credits is refused, and the connection closed", async () => {
    const { network, dialing, dialed, options } = setUp();
    const opening = reasonOf(DataLink.open(dialing, hello, options));
    write(dialed, { kind: "welcome", meta: { credits: "two" } });
    await network.settle();
    expect(await opening).toBeInstanceOf(ProtocolError);
    expect(dialed.ending?.code).toBe(closeCodes.protocolViolation);
  });

  test("frames that come in the same packet as the welcome are not lost, and stay in order", async () => {
    const { network, dialing, dialed, options } = setUp(3);
    const opening = DataLink.open(dialing, { ...hello, role: "receiver" }, options);
    write(dialed, { kind: "welcome", meta: { credits: 0 } });
    write(dialed, { kind: "forward", microBatch: 1 });
    write(dialed, { kind: "forward", microBatch: 2 });
    while (network.deliverOne()); // all before any promise goes on
    const link = await opening;
    await turn();
    const seen: number[] = [];
    link.onFrame(({ microBatch }) => seen.push(microBatch));
    write(dialed, { kind: "forward", microBatch: 3 });
    await network.settle();
    expect(seen).toEqual([1, 2, 3]);
  });

  test("credits that come in the same packet as the welcome are not lost", async () => {
    const { network, dialing, dialed, options } = setUp();
    const opening = DataLink.open(dialing, hello, options);
    write(dialed, { kind: "welcome", meta: { credits: 2 } });
    write(dialed, { kind: "credit", meta: { credits: 3 } });
    while (network.deliverOne());
    expect((await opening).credits).toBe(5);
  });
});

describe("DataLink.send()", () => {
  test("sends nothing without a credit", async () => {
    const { network, sender, senderSocket } = await linked({ credits: 2 });
    const before = senderSocket.sent.length;
    const sent = [1, 2, 3, 4].map((number) => sender.send(frameNumber(number)));
    await network.settle();
    expect(senderSocket.sent.length - before).toBe(2);
    expect(await Promise.race([sent[2], Promise.resolve("waits")])).toBe("waits");
    expect(sender.credits).toBe(0);
  });

  test("sends what waits, in order, as credits arrive", async () => {
    const { network, sender, receiver } = await linked({ credits: 1 });
    const seen: number[] = [];
    receiver.onFrame(({ microBatch }) => seen.push(microBatch));
    const sent = [1, 2, 3, 4, 5].map((number) => sender.send(frameNumber(number)));
    await network.settle();
    expect(seen).toEqual([1]);
    receiver.grant(1);
    await network.settle();
    expect(seen).toEqual([1, 2]);
    receiver.grant(3);
    await network.settle();
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    await Promise.all(sent);
  });

  test("copies the tensors before it returns, and frees its frame once that is with the socket", async () => {
    const { network, sender, receiver, senderSocket } = await linked({ credits: 1 });
    const frames: Frame[] = [];
    const messages: Uint8Array[] = [];
    receiver.onFrame((frame) => frames.push(frame));
    const send = senderSocket.send.bind(senderSocket);
    senderSocket.send = (message, onSent) => {
      messages.push(message as Uint8Array);
      send(message, onSent);
    };
    const sent = [1, 2].map((value) => {
      const data = Float32Array.of(value);
      const promise = sender.send({
        ...frameNumber(value),
        tensors: [{ name: "hidden", dtype: "float32", shape: [1], data }],
      });
      data.fill(0);
      return promise;
    });
    await network.settle();
    receiver.grant(1);
    await network.settle();
    await Promise.all(sent);
    expect(frames.map(({ tensors }) => tensors[0]!.data)).toEqual([Float32Array.of(1), Float32Array.of(2)]);
    expect(messages.map(({ byteLength }) => byteLength)).toEqual([0, 0]);
  });

  test("tells the sender when credits arrive", async () => {
    const { network, sender, receiver } = await linked({ credits: 1 });
    const seen: number[] = [];
    sender.onCredit(() => seen.push(sender.credits));
    receiver.grant(1);
    receiver.grant(2);
    await network.settle();
    expect(seen).toEqual([2, 4]);
  });

  test("keeps the number of frames in the receiver's hands at its credits, whatever the timing (seeded)", async () => {
    const random = new Random(51);
    const { network, sender, receiver } = await linked({ credits: 3 });
    let held = 0;
    let most = 0;
    const seen: number[] = [];
    receiver.onFrame(({ microBatch }) => {
      seen.push(microBatch);
      most = Math.max(most, ++held);
    });
    let next = 0;
    for (let step = 0; step < 2000; step++) {
      if (next < 500 && random.chance(0.4)) void sender.send(frameNumber(next++));
      if (random.chance(0.5)) network.deliverOne();
      if (held > 0 && random.chance(0.3)) {
        held--;
        receiver.grant(1);
      }
    }
    for (; seen.length < next; await network.settle()) {
      receiver.grant(held);
      held = 0;
    }
    expect(most).toBe(3);
    expect(seen).toEqual(Array.from({ length: next }, (_, index) => index));
  });

  test("rejects what waits as soon as the link closes, at either end", async () => {
    for (const end of ["sender", "receiver"] as const) {
      const { network, [end]: closing, sender } = await linked({ credits: 1 });
      const sent = [1, 2, 3].map((number) => reasonOf(sender.send(frameNumber(number))));
      closing.close("the pipeline is formed anew");
      await network.settle();
      const [first, second, third] = await Promise.all(sent);
      expect(first).toBe("no error");
      expect(second).toBeInstanceOf(ProtocolError);
      expect(String(third)).toContain("the pipeline is formed anew");
    }
  });

  test("rejects at once on a link that is closed", async () => {
    const { sender } = await linked();
    sender.close("over");
    expect(await reasonOf(sender.send(frameNumber(1)))).toBeInstanceOf(ProtocolError);
    expect(sender.credits).toBe(0);
  });

  test("rejects a frame that cannot be written, and keeps its credit", async () => {
    const { network, sender, receiver } = await linked({ credits: 1 });
    const seen: number[] = [];
    receiver.onFrame(({ microBatch }) => seen.push(microBatch));
    const bad = { ...frameNumber(1), meta: { text: "x".repeat(70_000) } };
    expect(await reasonOf(sender.send(bad))).toMatchObject({ code: "invalid_frame" });
    await sender.send(frameNumber(2));
    await network.settle();
    expect(seen).toEqual([2]);
  });
});

describe("a data link closes", () => {
  test("with the reason that the other end gave", async () => {
    const { network, sender, receiver } = await linked();
    sender.close("formed anew", closeCodes.goingAway);
    await network.settle();
    expect(await receiver.closed).toBe("formed anew");
    expect(await sender.closed).toBe("formed anew");
  });

  test("with the peer's name when the connection breaks", async () => {
    const { network, receiver, senderSocket } = await linked();
    senderSocket.cut();
    await network.settle();
    expect(await receiver.closed).toBe("connection to dialing closed (1006)");
  });

  test.each<[string, (socket: MemorySocket) => void, RegExp]>([
    ["text", (socket) => socket.send("hello"), /expected binary frames, got text/],
    ["bytes that are no frame", (socket) => socket.send(new Uint8Array(200)), /begin with SGC1/],
    ["a second hello", (socket) => write(socket, { kind: "hello" }), /a second hello/],
    ["a second welcome", (socket) => write(socket, { kind: "welcome" }), /a second welcome/],
    ["a credit below 0", (socket) => write(socket, { kind: "credit", meta: { credits: -1 } }), /0 to 1024 credits/],
    ["a credit in words", (socket) => write(socket, { kind: "credit", meta: { credits: "one" } }), /0 to 1024 credits/],
    ["a credit without a number", (socket) => write(socket, { kind: "credit" }), /0 to 1024 credits/],
    [
      "more micro-batches than it has credits for",
      (socket) => [1, 2, 3].forEach((microBatch) => write(socket, { kind: "forward", microBatch })),
      /without a credit/,
    ],
  ])("with 4400 and a reason on %s", async (_, violate, reason) => {
    const { network, receiver, senderSocket } = await linked({ credits: 2 });
    violate(senderSocket);
    await network.settle();
    expect(senderSocket.ending?.code).toBe(closeCodes.protocolViolation);
    expect(senderSocket.ending?.reason).toMatch(reason);
    expect(await receiver.closed).toMatch(reason);
  });

  test("when micro-batches come from the end that is to receive them", async () => {
    const { network, receiverSocket } = await linked();
    write(receiverSocket, { kind: "forward", microBatch: 1 });
    await network.settle();
    expect(receiverSocket.ending?.code).toBe(closeCodes.protocolViolation);
  });

  test("and gives no more frames to its listener", async () => {
    const { network, sender, receiver } = await linked();
    const seen: number[] = [];
    receiver.onFrame(({ microBatch }) => seen.push(microBatch));
    void sender.send(frameNumber(1));
    receiver.close("enough");
    await network.settle();
    expect(seen).toEqual([]);
  });

  test("with a reason that fits a close frame, however long it is and whatever letters it has", async () => {
    const { network, sender, receiverSocket } = await linked();
    // 41 letters of 3 bytes make 123 bytes.
    sender.close("\u4e2d\u6587".repeat(100));
    await network.settle();
    expect(receiverSocket.ending?.reason).toBe(`${"\u4e2d\u6587".repeat(20)}\u4e2d`);
  });
});

describe("the counters of a data link", () => {
  test("count frames and bytes at both ends", async () => {
    const { network, sender, receiver, senderSocket, receiverSocket } = await linked({ credits: 2 });
    receiver.onFrame(() => {});
    for (const number of [1, 2, 3]) void sender.send(frameNumber(number));
    await network.settle();
    receiver.grant(1);
    await network.settle();
    const bytes = (socket: MemorySocket) => socket.sent.reduce((total, each) => total + each.length, 0);
    expect(sender.counters).toMatchObject({
      framesSent: 3,
      framesReceived: 0,
      bytesSent: bytes(senderSocket),
      bytesReceived: bytes(receiverSocket),
    });
    expect(receiver.counters).toMatchObject({
      framesSent: 0,
      framesReceived: 3,
      bytesSent: bytes(receiverSocket),
      bytesReceived: bytes(senderSocket),
    });
  });

  test("count the time that frames waited for a credit", async () => {
    const { network, clock, sender, receiver } = await linked({ credits: 1 });
    void sender.send(frameNumber(1));
    void sender.send(frameNumber(2));
    await clock.advance(250);
    receiver.grant(1);
    await network.settle();
    expect(sender.counters.waitedMs).toBe(250);
  });
});

test("a credit is a frame of its own that carries its number", async () => {
  const { receiver, receiverSocket } = await linked();
  receiver.grant(5);
  const frame = decodeFrame(receiverSocket.sent.at(-1) as Uint8Array, crc32);
  expect(frame).toMatchObject({ kind: "credit", meta: { credits: 5 }, tensors: [] });
});
