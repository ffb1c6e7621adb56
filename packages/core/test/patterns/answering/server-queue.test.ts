import { expect, test } from "vitest";
import { method } from "../../../src/contract/index.js";
import { createIds } from "../../../src/envelope/id.js";
import type { EnvelopeHeader, Priority } from "../../../src/envelope/types.js";
import { decodeEnvelope } from "../../../src/envelope/wire.js";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import type { Link } from "../../../src/link/link-types.js";
import type { Delivery, Outcome, OutgoingMessage } from "../../../src/link/message.js";
import { type AdmissionLimits, createAdmission } from "../../../src/patterns/admission/admission.js";
import { createGuards } from "../../../src/patterns/admission/guards.js";
import type { Policy } from "../../../src/patterns/admission/policy.js";
import { createMiddleware } from "../../../src/patterns/answering/middleware.js";
import { createServed } from "../../../src/patterns/answering/served.js";
import { createServer } from "../../../src/patterns/answering/server.js";
import { createTaps } from "../../../src/patterns/taps.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

const idOf = (number: number): string => `0190f3c2-7a52-7c3e-9d5a-${number.toString(16).padStart(12, "0")}`;

function setUp(own: AdmissionLimits, policy?: Policy) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const admission = createAdmission(runtime, createGuards(runtime, policy, own.rate), own);
  const failures: unknown[] = [];
  const server = createServer({
    runtime,
    taps: createTaps(),
    ids: createIds(runtime),
    json: limits,
    admission,
    middleware: createMiddleware(),
    onFailure: ({ error }) => failures.push((error as TightbeamError).code),
    served: createServed({ changed: () => undefined, publishes: () => () => undefined }),
    observe: undefined,
  });
  const makeLink = (id = "bob") => {
    const answers: string[] = [];
    const outcomes: Outcome[] = [];
    const peer = { id, instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", permissions: [], limits: { maxMessageBytes: 1_000 } };
    const send = ({ bytes }: OutgoingMessage): void => {
      const { header } = decodeEnvelope(bytes);
      answers.push(header.error?.code ?? header.type);
    };
    const link = { peer, state: "up", clockOffset: () => 0, askClock: () => undefined, send };
    const delivery = { refused: undefined, settle: (outcome: Outcome) => void outcomes.push(outcome) } as unknown as Delivery;
    const serve = (number: number, more: Partial<EnvelopeHeader> = {}): void => {
      const header: EnvelopeHeader = { type: "request", id: idOf(number), timestamp: runtime.clock.wall(), priority: "normal", method: "work", ...more };
      server.serve(link as unknown as Link, delivery, header, undefined);
    };
    return { link: link as unknown as Link & { state: string }, answers, outcomes, serve };
  };
  return { runtime, admission, server, failures, makeLink };
}

/** A handler whose calls end when told. */
function gated() {
  const begun: { readonly id: number; readonly signal: AbortSignal; readonly end: () => void }[] = [];
  const handler = (_: unknown, { id, signal }: { readonly id: string; readonly signal: AbortSignal }): Promise<void> =>
    new Promise((resolve) => begun.push({ id: Number.parseInt(id.slice(-6), 16), signal, end: resolve }));
  return { begun, handler };
}

test("a storm of requests runs so many at once, queues so many, and refuses the rest with a time; each is answered once", async () => {
  // 10 of 13: the rest of the queue is for others.
  const { server, admission, runtime, makeLink } = setUp({ running: 4, queued: 13 });
  const { serve, answers, outcomes } = makeLink();
  const { begun, handler } = gated();
  server.handle(method("work"), handler);
  for (let i = 0; i < 50; i++) serve(i);
  expect([begun.length, server.running, admission.places.queued]).toEqual([4, 4, 10]);
  expect(answers).toEqual(new Array(36).fill("overloaded"));
  let highest = 0;
  while (begun.length < 14 || server.running > 0) {
    highest = Math.max(highest, server.running);
    for (const { end } of begun) end();
    await runtime.advance(1);
  }
  expect(highest).toBe(4);
  expect(begun.map(({ id }) => id)).toEqual(Array.from({ length: 14 }, (_, i) => i));
  expect(answers.filter((answer) => answer === "response")).toHaveLength(14);
  expect(outcomes).toHaveLength(50);
});

test("who cancels before its turn never runs, and leaves its place in the queue at once", async () => {
  const { server, admission, runtime, makeLink, failures } = setUp({ running: 1, queued: 1 });
  const { link, serve, answers, outcomes } = makeLink();
  const { begun, handler } = gated();
  server.handle(method("work"), handler);
  serve(1);
  for (let i = 2; i < 1_000; i++) {
    serve(i);
    expect(admission.places.queued).toBe(1);
    server.cancel(link, idOf(i));
    expect(admission.places.queued).toBe(0);
  }
  begun[0]?.end();
  await runtime.advance(1);
  expect(begun).toHaveLength(1);
  // Nobody waits for those answers.
  expect(answers).toEqual(["response"]);
  expect(outcomes).toHaveLength(999);
  expect(failures).toEqual([]);
});

test("G-23 the end of a link takes its waiting requests with it; its notifications are still ours to handle", async () => {
  const { server, admission, runtime, makeLink } = setUp({ running: 1 });
  const [one, other] = [makeLink(), makeLink()];
  const { begun, handler } = gated();
  server.handle(method("work"), handler);
  other.serve(1);
  for (let i = 2; i < 6; i++) one.serve(i, { type: i % 2 === 0 ? "request" : "notification" });
  one.link.state = "ended";
  server.linkEnded(one.link, new TightbeamError("closed", "it ended"));
  expect(admission.places.queued).toBe(2);
  while (server.running > 0) {
    for (const { end } of begun) end();
    await runtime.advance(1);
  }
  expect(begun.map(({ id }) => id)).toEqual([1, 3, 5]);
  expect(begun.map(({ signal }) => signal.aborted)).toEqual([false, false, false]);
  expect(one.answers).toEqual([]);
  expect(one.outcomes).toEqual(["refused", "refused", "ok", "ok"]);
});

test("an agent that closes refuses what waits, and drains what it has taken before", async () => {
  const { server, admission, runtime, makeLink } = setUp({ running: 1 });
  const { serve, answers } = makeLink();
  const { begun, handler } = gated();
  server.handle(method("work"), handler);
  for (let i = 0; i < 3; i++) serve(i);
  server.drain();
  serve(3);
  expect(answers).toEqual(["overloaded"]);
  let idle = false;
  void server.idle().then(() => (idle = true));
  begun[0]?.end();
  await runtime.advance(1);
  expect([begun.length, idle]).toEqual([2, false]);
  serve(4, { type: "notification" });
  server.stop(new TightbeamError("closed", "The agent was closed."));
  expect(admission.places.queued).toBe(0);
  expect(answers).toEqual(["overloaded", "response", "closed"]);
  begun[1]?.end();
  await runtime.advance(1);
  expect([begun.length, idle]).toEqual([2, true]);
});

test("TM-118 a handler that heeds no signal holds its place for 30 s more, and is then given up; what it says later counts for nothing", async () => {
  const { server, runtime, makeLink, failures } = setUp({ running: 1 });
  const { link, serve, answers, outcomes } = makeLink();
  const { begun, handler } = gated();
  server.handle(method("work"), handler);
  serve(1);
  serve(2);
  server.cancel(link, idOf(1));
  server.cancel(link, idOf(1));
  await runtime.advance(29_900);
  expect([begun.length, server.running, outcomes.length]).toEqual([1, 1, 0]);
  await runtime.advance(200);
  expect([begun.length, server.running, outcomes]).toEqual([2, 1, ["refused"]]);
  expect(failures).toEqual(["timeout"]);
  begun[0]?.end();
  await runtime.advance(1);
  expect([server.running, answers]).toEqual([1, []]);
  begun[1]?.end();
  await runtime.advance(60_000);
  expect([server.running, answers, outcomes]).toEqual([0, ["response"], ["refused", "ok"]]);
  expect(failures).toEqual(["timeout"]);
});

test("a ttl that runs out in the queue: the handler does not run, and the caller is told", async () => {
  const { server, runtime, makeLink, failures } = setUp({ running: 1 });
  const { serve, answers, outcomes } = makeLink();
  const { begun, handler } = gated();
  server.handle(method("work"), handler);
  serve(1);
  serve(2, { ttl: 50 });
  serve(3, { ttl: 50, type: "notification" });
  serve(4, { ttl: 5_000 });
  await runtime.advance(60);
  begun[0]?.end();
  await runtime.advance(1);
  expect(begun.map(({ id }) => id)).toEqual([1, 4]);
  expect(answers).toEqual(["response", "expired"]);
  expect(outcomes).toEqual(["ok", "refused", "refused"]);
  expect(failures).toEqual(["expired", "expired"]);
});

test("a handler that is removed while calls wait for it: no_handler, and the others go on", async () => {
  const { server, runtime, makeLink } = setUp({ running: 1 });
  const { serve, answers, outcomes } = makeLink();
  const { begun, handler } = gated();
  const remove = server.handle(method("work"), handler);
  server.handle(method("rest"), () => undefined);
  serve(1);
  serve(2);
  serve(3, { method: "rest" });
  remove();
  begun[0]?.end();
  await runtime.advance(1);
  expect(answers).toEqual(["response", "no_handler", "response"]);
  expect(outcomes).toEqual(["ok", "no_handler", "ok"]);
});

test("an id that waits for its turn is refused a second time", () => {
  const { server, makeLink } = setUp({ running: 1 });
  const { serve, outcomes } = makeLink();
  server.handle(method("work"), gated().handler);
  serve(1);
  serve(2);
  serve(2);
  expect(outcomes).toEqual(["refused"]);
});

test("what agents say on their own account needs no place and no permission, and is rated by itself", () => {
  const { server, makeLink } = setUp({ running: 1, queued: 0, rate: { perSecond: 1, burst: 1 } }, () => false);
  const { serve, answers } = makeLink();
  let heard = 0;
  server.handleOwn({ kind: "method", name: "tb/hello", input: undefined, output: undefined, idempotent: false, durable: false }, () => void heard++);
  for (let i = 0; i < 2_100; i++) serve(i, { method: "tb/hello" });
  expect(heard).toBe(2_000);
  expect(answers.slice(2_000)).toEqual(new Array(100).fill("rate_limited"));
  const before = answers.length;
  serve(5_000, { method: "work" });
  serve(5_001, { method: "work" });
  serve(5_002, { method: "tb/other" });
  expect(answers.slice(before)).toEqual(["forbidden", "rate_limited", "rate_limited"]);
});

test("TM-118 what waits counts with its headers, which may be larger than its payload", async () => {
  const { server, admission, makeLink } = setUp({ running: 1, queued: 1_000, queuedBytes: 64 * 1024 });
  const { serve, answers } = makeLink();
  server.handle(method("work"), gated().handler);
  const headers = { note: "x".repeat(7_000) };
  for (let i = 0; i < 20; i++) serve(i, { headers });
  // 3 in 4 of 64 KiB.
  expect(admission.places.queued).toBe(6);
  expect(answers).toEqual(new Array(13).fill("overloaded"));
});

test("G-60 TM-119 with 100,000 low messages queued, high ones keep their p99 under 10 times the idle p99, and low ones go on", async () => {
  const { server, admission, runtime, makeLink } = setUp({ running: 16, queued: 200_000, queuedBytes: 2 ** 30 });
  const { serve } = makeLink();
  const started = new Map<string, number>();
  const took: number[] = [];
  let low = 0;
  server.handle(method("work"), async (_, { priority, id }) => {
    await new Promise<void>((resolve) => runtime.timers.after(10, resolve));
    if (priority === "low") low++;
    else took.push(runtime.now - (started.get(id) as number));
  });
  let next = 0;
  const send = (priority: Priority): void => {
    const number = next++;
    if (priority !== "low") started.set(idOf(number), runtime.now);
    serve(number, { priority });
  };
  const p99OfHigh = async (): Promise<number> => {
    took.length = 0;
    for (let i = 0; i < 300; i++) {
      send("high");
      await runtime.advance(3);
    }
    await runtime.advance(100);
    expect(took).toHaveLength(300);
    return took.sort((a, b) => a - b)[296] as number;
  };
  const idle = await p99OfHigh();
  for (let i = 0; i < 100_000; i++) send("low");
  expect(admission.places.queued).toBeGreaterThan(99_900);
  const loaded = await p99OfHigh();
  expect(idle).toBe(10);
  expect(loaded).toBeLessThan(10 * idle);
  expect(low).toBeGreaterThan(500);

  // And when more high ones come than there is time for, low ones have their share.
  const before = low;
  for (let i = 0; i < 3_000; i++) {
    send("high");
    if (i % 30 === 0) await runtime.advance(10);
  }
  const share = (low - before) / (low - before + took.length);
  expect(share).toBeGreaterThan(0.04);
});

test("one peer whose calls never end holds three places in four, and three in four of the queue: the others go on (TM-119)", () => {
  const { server, admission, makeLink } = setUp({ running: 16, queued: 16 });
  const mallory = makeLink("mallory");
  const again = makeLink("mallory");
  const bob = makeLink();
  const { begun, handler } = gated();
  server.handle(method("work"), handler);
  for (let i = 0; i < 40; i++) (i % 2 === 0 ? mallory : again).serve(i);
  expect([begun.length, admission.places.queued]).toEqual([12, 12]);
  expect([...mallory.answers, ...again.answers]).toEqual(new Array(16).fill("overloaded"));
  bob.serve(100);
  bob.serve(101);
  bob.serve(102);
  expect(begun.slice(12).map(({ id }) => id)).toEqual([100, 101]);
  expect(admission.places.queued).toBe(13);
  expect(bob.answers).toEqual([]);
});
