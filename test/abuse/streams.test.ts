import { type AgentEvent, stream, type TightbeamError } from "@tightbeam/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePayload } from "../../packages/core/src/codec/index.js";
import { encodeCancel, encodeCredit, encodePayloadPart } from "../../packages/core/src/envelope/part.js";
import { encodeErrorPart, type Part, partKind, type StreamAddress } from "../../packages/core/src/envelope/part-head.js";
import { createField, type Field, within } from "./field.js";
import { createRogue, envelope, type Rogue, type RogueLink, whole } from "./rogue.js";

/* What BAD-INPUTS says of streams (A, F), by a peer whose link is authentic and which says what it likes. */

let field: Field;
let rogue: Rogue;
let link: RogueLink;
/** Streams that the handler sees, by what opened them. */
const served = new Map<string, { readonly heard: unknown[]; ended: string | undefined }>();
let next = 0;

beforeAll(async () => {
  field = await createField({ alice: { limits: { memoryBudgetBytes: 32 * 1024 * 1024 } } });
  field.alice.handle(stream("listen"), async (name, { source, signal }) => {
    const seen: { heard: unknown[]; ended: string | undefined } = { heard: [], ended: undefined };
    served.set(String(name), seen);
    signal.addEventListener("abort", () => (seen.ended = (signal.reason as TightbeamError).code));
    for await (const each of source) seen.heard.push(each);
    return seen.heard.length;
  });
  field.alice.handle(stream("deaf"), async (_, { source }) => {
    void source;
    await new Promise(() => undefined);
  });
  field.alice.handle(stream("pour"), async function* () {
    for (;;) yield new Uint8Array(1_000);
  });
  rogue = await createRogue(field, "mallory");
  link = await rogue.dial();
});
afterAll(() => field.close());

const byMallory = (number: number): StreamAddress => ({ number, byOpener: true });
const chunk = (number: number, value: unknown, kind: typeof partKind.chunk | typeof partKind.end = partKind.chunk): Uint8Array =>
  encodePayloadPart(kind, byMallory(number), encodePayload(value));
const say = (bytes: Uint8Array): Promise<void> => link.message(bytes, { flags: whole });
const saidIn = (number: number, kind: number): Part[] => link.said.filter((part) => part.number === number && part.kind === kind);
const errorIn = (number: number): string | undefined => saidIn(number, partKind.error)[0]?.error?.code;

async function open(method: string, credit = 1_000, input: unknown = String(next)): Promise<number> {
  const number = next++;
  const payload = encodePayload(input);
  await link.message(envelope("stream", { method, stream: { number, credit } }, payload?.bytes));
  return number;
}

/** The link lives, and honest agents are served. */
async function peace(): Promise<void> {
  const number = await open("listen", 1_000, `peace ${next}`);
  await within(5_000, "the first credit", () => saidIn(number, partKind.credit).length > 0);
  await say(encodePayloadPart(partKind.end, byMallory(number), undefined));
  await within(5_000, "the end", () => saidIn(number, partKind.end).length > 0);
  expect(field.events.find((event: AgentEvent) => event.type === "link_ended")).toBeUndefined();
  await field.peace();
}

describe("who opens streams and keeps no rule", () => {
  it("says nothing before its first credit: `flow`, on both sides, and the link lives [TM-100]", async () => {
    const number = next++;
    const opening = envelope("stream", { method: "listen", stream: { number, credit: 1 } }, encodePayload("early")?.bytes);
    await link.message(opening);
    // Written before alice can have granted anything.
    await say(chunk(number, "one"));
    await say(chunk(1_000_000, "nobody's"));
    const early = await open("pour", 1);
    await say(chunk(early, "this handler never asks"));
    await within(5_000, "the error", () => errorIn(early) !== undefined);
    expect(errorIn(early)).toBe("flow");
    await say(encodeCancel(byMallory(number)));
    await peace();
  });

  it("says more than was granted: `flow` for the caller and its handler, with no more than the window in memory [TM-100]", async () => {
    const number = await open("deaf");
    await within(5_000, "the first credit", () => saidIn(number, partKind.credit).length > 0);
    const granted = saidIn(number, partKind.credit)[0]?.total as number;
    expect(granted).toBe(2 * 1024 * 1024);
    const before = field.alice.status().memory.used;
    for (let sent = 0; sent < granted; sent += 10_000) await say(chunk(number, new Uint8Array(9_936)));
    await within(5_000, "what was granted", () => field.alice.status().memory.used - before > granted - 20_000);
    expect(field.alice.status().memory.used - before).toBeLessThan(granted + 80_000);
    expect(errorIn(number)).toBeUndefined();
    await say(chunk(number, "one too many"));
    await within(5_000, "the error", () => errorIn(number) !== undefined);
    expect(errorIn(number)).toBe("flow");
    await within(5_000, "the memory back", () => field.alice.status().memory.used < before + 10_000);
    // What comes after the end is nobody's.
    await say(chunk(number, "late"));
    await peace();
  });

  it("grants backwards, and more than there are numbers: totals only rise", async () => {
    const number = await open("pour", 1);
    await within(5_000, "the one chunk", () => saidIn(number, partKind.chunk).length === 1);
    await say(encodeCredit(byMallory(number), 0));
    await say(encodeCredit(byMallory(number), 3_000));
    await within(5_000, "three", () => saidIn(number, partKind.chunk).length === 3);
    await say(encodeCredit(byMallory(number), 2_000));
    await say(encodeCancel(byMallory(number)));
    await peace();
    expect(saidIn(number, partKind.chunk)).toHaveLength(3);
    const greedy = await open("listen");
    await say(encodeCredit(byMallory(greedy), 2 ** 48 - 1));
    await say(encodeCancel(byMallory(greedy)));
    await peace();
  });

  it("says what is no part in an open stream: that stream ends, nothing else [TM-102]", async () => {
    for (const [bits, rest] of [
      [0x08, []],
      [0x0e, []],
      [0x19, []],
      [0x89, []],
      [0x4a, [0x31]],
      [0x0c, [1, 2, 3]],
      [0x0d, [1]],
      [0x0b, [0xff, 1]],
    ] as const) {
      const number = await open("listen");
      await within(5_000, "the first credit", () => saidIn(number, partKind.credit).length > 0);
      await say(Uint8Array.of(0x17, bits, 0, 0, number >> 8, number & 255, ...rest));
      await within(5_000, `an error for ${bits}`, () => errorIn(number) !== undefined);
      expect(errorIn(number)).toBe("invalid_envelope");
    }
    await peace();
  });

  it("opens a number twice: the second is dropped, the first goes on", async () => {
    const number = await open("listen", 1_000, "twice");
    await within(5_000, "the first credit", () => saidIn(number, partKind.credit).length > 0);
    await link.message(envelope("stream", { method: "pour", stream: { number, credit: 1_000 } }));
    await say(chunk(number, "still here"));
    await within(5_000, "the chunk", () => served.get("twice")?.heard.length === 1);
    await say(encodeCancel(byMallory(number)));
    await within(5_000, "its end", () => served.get("twice")?.ended === "cancelled");
    expect(saidIn(number, partKind.chunk)).toEqual([]);
    await peace();
  });

  it("doubles its end, speaks after it, cancels twice: all of that is nothing", async () => {
    const number = await open("listen", 1_000, "ended");
    await within(5_000, "the first credit", () => saidIn(number, partKind.credit).length > 0);
    await say(chunk(number, 1));
    await say(encodePayloadPart(partKind.end, byMallory(number), undefined));
    await say(encodePayloadPart(partKind.end, byMallory(number), undefined));
    await say(chunk(number, 2));
    await within(5_000, "the end", () => saidIn(number, partKind.end).length === 1);
    await say(encodeCancel(byMallory(number)));
    await say(encodeCancel(byMallory(number)));
    expect(served.get("ended")?.heard).toEqual([1]);
    await peace();
  });

  it("fills stream after stream that nobody reads: it gets its share of the memory, and no more [TM-103]", async () => {
    const { used: before, most } = field.alice.status().memory;
    const numbers: number[] = [];
    const bytes = new Uint8Array(9_936);
    while (!numbers.some((number) => errorIn(number) === "overloaded") && numbers.length < 40) {
      const number = await open("deaf");
      numbers.push(number);
      await within(5_000, "the first credit", () => saidIn(number, partKind.credit).length > 0);
      for (let sent = 0; sent < 1024 * 1024 && errorIn(number) === undefined; sent += 10_000) await say(chunk(number, bytes));
    }
    await within(5_000, "a refusal", () => numbers.some((number) => errorIn(number) === "overloaded"));
    expect(field.alice.status().memory.used).toBeLessThan(before + most / 2 + 1024 * 1024);
    expect(numbers.length).toBeGreaterThan(10);
    expect(await field.bob.stream("alice", "listen", "bob", { source: [1, 2, 3] }).result).toBe(3);
    for (const number of numbers) await say(encodeCancel(byMallory(number)));
    await within(5_000, "the memory back", () => field.alice.status().memory.used < before + 100_000);
    await peace();
  });

  it("opens and cancels as fast as it can, with handlers that never settle: they count until they do [TM-101]", async () => {
    const first = next;
    const most = 1_024;
    for (let count = 0; count < most + 50; count++) {
      const number = await open("deaf", 1);
      await say(encodeCancel(byMallory(number)));
    }
    await within(20_000, "refusals", () => link.said.filter((part) => part.number >= first && part.error?.code === "overloaded").length >= 50);
    expect(field.alice.status().streams.served).toBeLessThanOrEqual(most);
    // Others are served all the same.
    expect(await field.bob.stream("alice", "listen", "bob", { source: [1, 2] }).result).toBe(2);
    await field.peace();
  });
});

describe("whoever opens too many", () => {
  it("is refused at home, and those that are open go on [TM-101]", async () => {
    const opened = Array.from({ length: 1_030 }, () => field.bob.stream("alice", "listen", "many"));
    const codes = await Promise.all(opened.slice(-6).map(({ result }) => result.catch((error: TightbeamError) => error.code)));
    expect(codes).toEqual(Array.from({ length: 6 }, () => "overloaded"));
    expect(field.bob.status().streams.opened).toBe(1_024);
    await Promise.all(opened.slice(0, 1_024).map((each) => each.end()));
    expect(await Promise.all(opened.slice(0, 1_024).map(({ result }) => result))).toEqual(Array.from({ length: 1_024 }, () => 0));
    expect(await field.bob.stream("alice", "listen", "again", { source: [1] }).result).toBe(1);
    await field.peace();
  });
});

describe("who serves streams and keeps no rule", () => {
  it("says more than it was granted: the caller has `flow`, and tells it so [TM-100]", async () => {
    const opened = field.alice.stream({ id: "mallory", instance: rogue.instance }, "anything", undefined, { window: 1_000 });
    await within(5_000, "the opening", () => link.got.some(({ header }) => header.type === "stream"));
    const { stream: opening } = link.got.findLast(({ header }) => header.type === "stream")?.header ?? {};
    expect(opening?.credit).toBe(1_000);
    const to = { number: opening?.number ?? 0, byOpener: false };
    for (let count = 0; count < 4; count++) await say(encodePayloadPart(partKind.chunk, to, encodePayload(new Uint8Array(300))));
    await expect(opened.result).rejects.toMatchObject({ code: "flow" });
    await within(5_000, "the caller's error", () => errorIn(to.number) !== undefined);
    const got: unknown[] = [];
    await expect(
      (async () => {
        for await (const each of opened) got.push(each);
      })(),
    ).rejects.toMatchObject({ code: "flow" });
    expect(got).toHaveLength(3);
    // An error after the end, with a text that is none.
    await say(encodeErrorPart(to, { code: "internal", message: "late", id: "x" }));
    await field.peace();
  });
});
