import { expect, test } from "vitest";
import { encodePayload } from "../../../src/codec/index.js";
import { stream } from "../../../src/contract/index.js";
import { createIds } from "../../../src/envelope/id.js";
import { encodeCancel, encodeCredit, encodePayloadPart, readPartBody } from "../../../src/envelope/part.js";
import { createPart, partKind, readPartHead } from "../../../src/envelope/part-head.js";
import type { EnvelopeHeader } from "../../../src/envelope/types.js";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { createMemoryBudget } from "../../../src/link/budget.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Delivery, OutgoingMessage } from "../../../src/link/message.js";
import { createShares } from "../../../src/link/share.js";
import { onDemand } from "../../../src/on-demand.js";
import type { Served } from "../../../src/patterns/answering/served.js";
import type { PatternHost } from "../../../src/patterns/host.js";
import type { Streams } from "../../../src/patterns/streams/streams.js";
import { createStreamsOnDemand } from "../../../src/patterns/streams/streams-on-demand.js";
import type { StreamCall } from "../../../src/patterns/streams/types.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

type Code = typeof import("../../../src/patterns/streams/streams.js");

const closed = new TightbeamError("closed", "The agent was closed.");
const idOf = (number: number): string => `0190f3c2-7a52-7c3e-9d5a-${number.toString(16).padStart(12, "0")}`;

/** An opened stream that writes down what is asked of it. */
function recorder(said: unknown[]): StreamCall {
  const chunks = ["a", "b"];
  const reader = {
    next: () => Promise.resolve(chunks.length > 0 ? { done: false as const, value: chunks.shift() } : { done: true as const, value: undefined }),
    return: () => Promise.resolve(said.push("left")).then(() => ({ done: true as const, value: undefined })),
    [Symbol.asyncIterator]: () => reader,
  };
  return {
    [Symbol.asyncIterator]: () => reader,
    write: (chunk) => Promise.resolve(void said.push(chunk)),
    end: () => Promise.resolve(void said.push("end")),
    cancel: (reason) => void said.push(["cancel", reason]),
    result: Promise.resolve("output"),
  };
}

/** Streams whose code is there when the test says so; what becomes of calls is written down instead of done. */
function setUp({ budget = 2 ** 28 }: { budget?: number } = {}) {
  const loads: { arrive(): void; fail(cause: Error): void }[] = [];
  const said: unknown[] = [];
  const came: unknown[] = [];
  const refused: string[] = [];
  const runtime = createVirtualRuntime({ seed: 1 });
  const memory = createMemoryBudget(budget);
  const part: Partial<Streams> = {
    open(_, { name }, input, options) {
      said.push([name, input, options]);
      return recorder(said);
    },
    opening: (_, __, header, payload) => void came.push([header.stream?.number, payload && new TextDecoder().decode(payload.bytes)]),
    part(_, { bytes }) {
      const read = createPart();
      readPartHead(bytes, read);
      came.push([read.number, read.kind]);
    },
    linkEnded: () => void came.push("link ended"),
    stop: () => void came.push("stopped"),
    drain: async (error) => void came.push(error.code),
  };
  const load = onDemand<Code>(
    () =>
      new Promise((resolve, reject) => {
        loads.push({ arrive: () => resolve({ createStreams: () => part as Streams }), fail: reject });
      }),
  );
  const host = {
    runtime,
    ids: createIds(runtime),
    json: limits,
    links: { budget: memory },
    onFailure: () => undefined,
    onRefused: ({ error }: { error: TightbeamError }) => void refused.push(error.code),
  };
  const server = { handleStream: () => () => undefined, streamOf: () => undefined, members: () => [], served: { list: [] } as unknown as Served };
  const streams = createStreamsOnDemand(host as unknown as PatternHost, server, load);
  const answers: unknown[] = [];
  const link = {
    peer: { id: "bob", limits: { maxMessageBytes: 10_000 } },
    budget: createShares(memory).change("bob", 1, 0).budget,
    state: "up",
    send({ bytes }: OutgoingMessage) {
      const read = createPart();
      readPartHead(bytes, read);
      readPartBody(bytes, read);
      answers.push([read.number, read.error?.code]);
      return { giveUp: () => false };
    },
  } as unknown as Link;
  const outcomes: string[] = [];
  const delivery = (bytes: Uint8Array, intake: boolean): Delivery =>
    ({
      bytes,
      size: bytes.length,
      lane: 2,
      intake,
      wantsDone: false,
      refused: undefined,
      settle: (outcome: string) => void outcomes.push(outcome),
    }) as Delivery;
  const open = (number: number, value: unknown = number, on = link): void => {
    const header: EnvelopeHeader = { type: "stream", id: idOf(number), timestamp: 0, priority: "normal", method: "m", stream: { number, credit: 0 } };
    streams.opening(on, delivery(new Uint8Array(0), true), header, encodePayload(value));
  };
  const say = (bytes: Uint8Array): void => streams.part(link, delivery(bytes, false));
  const arrive = async (): Promise<void> => {
    loads.at(-1)?.arrive();
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };
  return { streams, loads, arrive, said, came, refused, memory, link, answers, outcomes, open, say, runtime };
}

const to = (number: number) => ({ number, byOpener: true });
const codeOf = (error: unknown) => (error as TightbeamError).code;

test("a stream that is opened while streams are being loaded does what was asked of it, in order", async () => {
  const { streams, arrive, said, loads } = setUp();
  const input = { n: 1 };
  const opened = streams.open({ id: "bob" }, stream("s"), input, { window: 5 });
  const chunk = { c: 1 };
  const reader = opened[Symbol.asyncIterator]();
  const done = [opened.write(chunk), opened.write(new Uint8Array([7])), reader.next(), opened.end()];
  input.n = 2;
  chunk.c = 2;
  expect([said, loads.length]).toEqual([[], 1]);
  await arrive();
  expect(said).toEqual([["s", { n: 1 }, { window: 5 }], { c: 1 }, new Uint8Array([7]), "end"]);
  expect(await Promise.all(done)).toEqual([undefined, undefined, { done: false, value: "a" }, undefined]);
  await opened.write("later");
  for await (const each of opened) expect(each).toBe("b");
  opened.cancel("why");
  await reader.return?.();
  expect(said.slice(4)).toEqual(["later", ["cancel", "why"], "left"]);
  expect(await opened.result).toBe("output");
});

test("a stream that ends while streams are being loaded is never opened: cancelled, out of time, left, unavailable, or closed", async () => {
  const { streams, arrive, said, runtime, loads } = setUp();
  const s = stream("s");
  const abort = new AbortController();
  const cancelled = streams.open({ id: "bob" }, s, undefined, {});
  const late = streams.open({ id: "bob" }, s, undefined, { timeout: 50 });
  const aborted = streams.open({ id: "bob" }, s, undefined, { signal: abort.signal });
  const left = streams.open({ id: "bob" }, s, undefined, {});
  const wrong = streams.open({ id: "bob" }, s, undefined, { timeout: -1 });
  const writing = cancelled.write(1).catch(codeOf);
  const ending = cancelled.end();
  const read = cancelled[Symbol.asyncIterator]();
  const reading = [read.next().catch(codeOf), read.next()];
  const leaving = left[Symbol.asyncIterator]();
  const lastRead = leaving.next();
  cancelled.cancel();
  cancelled.cancel();
  abort.abort();
  await leaving.return?.();
  await runtime.advance(60);
  await arrive();
  const codes = [cancelled, late, aborted, left, wrong].map(({ result }) => result.catch(codeOf));
  expect(await Promise.all(codes)).toEqual(["cancelled", "timeout", "cancelled", "cancelled", "invalid_argument"]);
  // The first who asks hears why.
  expect([await reading[0], await writing]).toEqual(["cancelled", "cancelled"]);
  expect([await reading[1], await read.next(), await lastRead, await leaving.next()]).toEqual(Array(4).fill({ done: true, value: undefined }));
  await expect(late[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "timeout" });
  await expect(cancelled.write(2)).rejects.toMatchObject({ code: "cancelled" });
  await Promise.all([ending, cancelled.end()]);
  expect([said, loads.length]).toEqual([[], 1]);
});

test("a load that fails ends what waits with unavailable, and is tried again; an agent that closes ends it with closed", async () => {
  const { streams, loads, arrive, said, open, answers, outcomes, memory } = setUp();
  const opened = streams.open({ id: "bob" }, stream("s"), undefined, {});
  open(0);
  loads[0]?.fail(new Error("offline"));
  await expect(opened.result).rejects.toMatchObject({ code: "unavailable" });
  expect([answers, outcomes, memory.used]).toEqual([[[0, "unavailable"]], ["refused"], 0]);
  const again = streams.open({ id: "bob" }, stream("t"), undefined, {});
  expect(loads).toHaveLength(2);
  streams.stop(closed);
  await expect(again.result).rejects.toMatchObject({ code: "closed" });
  await expect(streams.open({ id: "bob" }, stream("t"), undefined, {}).result).rejects.toMatchObject({ code: "closed" });
  await arrive();
  open(1);
  expect([said, answers.at(-1)]).toEqual([[], [1, "closed"]]);
});

test("what waits to be written while streams are being loaded is bounded", async () => {
  const { streams } = setUp();
  const opened = streams.open({ id: "bob" }, stream("s"), undefined, {});
  const chunk = new Uint8Array(limits.streamWritesBytes / 4);
  for (let n = 0; n < 4; n++) opened.write(chunk).catch(() => undefined);
  await expect(opened.write(chunk)).rejects.toMatchObject({ code: "flow" });
});

test("handling a stream loads them before the first caller comes", () => {
  const { streams, loads } = setUp();
  expect(() => streams.handle(stream("s"), () => undefined, { window: 0 })).toThrowError(/window/);
  expect(loads).toEqual([]);
  streams.handle(stream("s"), () => undefined);
  streams.handle(stream("t"), () => undefined);
  expect(loads).toHaveLength(1);
});

test("streams that come while they are being loaded, and what is said in them, keep their order", async () => {
  const { open, say, arrive, came, refused, outcomes, memory } = setUp();
  open(0, "zero");
  say(encodePayloadPart(partKind.end, to(0), undefined));
  open(1, "one");
  open(1, "one again");
  say(encodeCancel(to(1)));
  say(encodeCancel(to(9)));
  say(encodePayloadPart(partKind.chunk, to(0), encodePayload("x".repeat(100_000))));
  expect([came, refused]).toEqual([[], ["invalid_envelope", "invalid_envelope"]]);
  // Openings keep their credit; the second of one number does not.
  expect(outcomes).toEqual(["ok", "refused", "ok", "ok", "ok"]);
  expect(memory.used).toBeLessThan(5_000);
  await arrive();
  expect(came).toEqual([
    [0, '"zero"'],
    [0, partKind.end],
    [1, '"one"'],
    [1, partKind.cancel],
    [0, partKind.chunk],
  ]);
  expect(memory.used).toBe(0);
  say(encodeCredit(to(0), 1));
  open(2);
  expect(came.slice(5)).toEqual([
    [0, partKind.credit],
    [2, "2"],
  ]);
});

test("TM-101 so many streams of peers wait while they are being loaded, and so much is said in each, also of a peer that reconnects for ever", async () => {
  const { streams, open, say, arrive, came, refused, answers, memory, link } = setUp();
  for (let number = 0; number <= limits.streamsPerLink; number++) open(number);
  expect(answers).toEqual([[limits.streamsPerLink, "overloaded"]]);
  for (let n = 0; n < 10; n++) say(encodeCredit(to(0), n));
  expect(refused).toEqual(["invalid_envelope", "invalid_envelope"]);
  expect(memory.used).toBeGreaterThan(0);
  (link as { state: string }).state = "ended";
  streams.linkEnded(link, closed);
  const again = { ...link, state: "up" } as Link;
  open(0, 0, again);
  expect(answers.slice(1)).toEqual([[0, "overloaded"]]);
  await arrive();
  expect([came, memory.used]).toEqual([[], 0]);
  open(1, 1, again);
  expect(came).toEqual([[1, "1"]]);

  const tight = setUp({ budget: 1_000 });
  tight.open(0, "x".repeat(1_000));
  expect(tight.answers).toEqual([[0, "overloaded"]]);
});

test("an agent that drains refuses streams without loading them, and loads what came before", async () => {
  const busy = new TightbeamError("overloaded", "Closing.");
  const idle = setUp();
  await idle.streams.drain(busy);
  idle.open(0);
  expect([idle.loads, idle.answers]).toEqual([[], [[0, "overloaded"]]]);

  const { streams, open, arrive, came, answers } = setUp();
  open(0);
  const drained = streams.drain(busy);
  open(1);
  await arrive();
  await drained;
  expect(came).toContainEqual([0, "0"]);
  expect(came).toContain("overloaded");
  expect(answers).toEqual([[1, "overloaded"]]);
});
