import { describe, expect, it } from "vitest";
import { invariants } from "../src/index.js";
import type { HandlingEvent, StartedEvent, TraceDetail, TraceEvent } from "../src/trace.js";

const secret = Buffer.from("a secret that is long");

/** A trace of these, one each ms, judged by one invariant. */
function judged(name: string, events: readonly (readonly [agent: string, detail: TraceDetail])[], drainedAt: number | undefined = 100): readonly string[] {
  const trace = events.map(([agent, detail], at): TraceEvent => ({ at, agent, incarnation: 0, ...detail }));
  const check = invariants.find((one) => one.name === name);
  return check?.run({ seed: 1, faults: [], trace, drainedAt, endedAt: 100, secrets: [secret] }) ?? ["there is no such invariant"];
}

const started = (operation: number, more: Partial<StartedEvent> = {}) =>
  [
    "alice",
    {
      type: "started",
      operation,
      what: "request",
      to: "bob",
      method: "ask",
      print: `"${operation}"`,
      priority: "normal",
      idempotencyKey: undefined,
      durable: false,
      confirm: undefined,
      linked: "bobs",
      ...more,
    },
  ] as const;
const settled = (operation: number, error?: string) => ["alice", { type: "settled", operation, error, print: undefined }] as const;
const handling = (call: number, print: string, more: Partial<HandlingEvent> = {}) =>
  [
    "bob",
    {
      type: "handling",
      call,
      what: "method",
      method: "ask",
      peer: "alice",
      peerInstance: "alices",
      print,
      priority: "normal",
      idempotencyKey: undefined,
      ...more,
    },
  ] as const;
const handled = (call: number, failed = false) => ["bob", { type: "handled", call, failed }] as const;
const joined = [
  ["alice", { type: "joined", instance: "alices" }],
  ["bob", { type: "joined", instance: "bobs" }],
] as const;
const record = (counter: number, byte: number) => {
  const frame = new Uint8Array(60).fill(byte);
  frame.fill(0, 0, 20);
  frame[0] = 0x14;
  frame[19] = counter;
  return ["alice", { type: "frame", to: "inbox/bob/i", frame }] as const;
};

describe("each invariant says what breaks it, and nothing about what does not", () => {
  const good = [
    ...joined,
    started(1),
    handling(1, '"1"'),
    handled(1),
    settled(1),
    started(2),
    handling(2, '"2"'),
    handled(2),
    settled(2),
    record(0, 1),
    record(1, 2),
  ];

  it.each(invariants.map(({ name }) => name))("%s holds for what is right", (name) => expect(judged(name, good)).toEqual([]));

  it("settled", () => {
    expect(judged("settled", [started(1)])).toEqual([expect.stringContaining("did not settle")]);
    expect(judged("settled", [started(1), ["alice", { type: "process", what: "crashed" }]])).toEqual([]);
    expect(judged("settled", [started(1), settled(1), settled(1)])).toEqual([expect.stringContaining("settled 2 times")]);
  });

  it("programs", () => {
    expect(judged("programs", [["bob", { type: "process", what: "failed", text: "Error: no" }]])).toEqual(["bob/0 failed: Error: no"]);
    expect(judged("programs", [], Number.NaN)).toEqual([]);
  });

  it("genuine", () => {
    expect(judged("genuine", [handling(1, '"forged"')])).toEqual([expect.stringContaining("nobody had sent it")]);
    expect(judged("genuine", [started(1), handling(1, '"1"', { method: "other" })])).toHaveLength(1);
    expect(judged("genuine", [started(1), handling(1, '"1"', { peer: "mallory" })])).toHaveLength(1);
    expect(judged("genuine", [started(1, { to: "carol" }), handling(1, '"1"')])).toHaveLength(1);
    expect(judged("genuine", [handling(1, '"1"'), started(1)])).toHaveLength(1);
  });

  it("once", () => {
    expect(judged("once", [started(1), handling(1, '"1"'), handling(2, '"1"')])).toEqual([expect.stringContaining("sent 1 times, handled 2 times")]);
    expect(judged("once", [started(1), started(2, { print: '"1"' }), handling(1, '"1"'), handling(2, '"1"')])).toEqual([]);
    expect(judged("once", [started(1, { idempotencyKey: "k" }), handling(1, '"1"'), handling(2, '"1"')])).toEqual([]);
  });

  it("order", () => {
    const late = [...joined, started(1), started(2), handling(1, '"2"'), handling(2, '"1"')];
    expect(judged("order", late)).toEqual([expect.stringContaining("after a later one")]);
    expect(judged("order", [...joined, started(1, { priority: "low" }), started(2), handling(1, '"2"'), handling(2, '"1"')])).toEqual([]);
    expect(judged("order", [...joined, started(1, { linked: undefined }), started(2), handling(1, '"2"'), handling(2, '"1"')])).toEqual([]);
  });

  it("idempotent", () => {
    const asked = started(1, { idempotencyKey: "k" });
    const key = { idempotencyKey: "k" };
    expect(judged("idempotent", [asked, handling(1, '"1"', key), handled(1), handling(2, '"1"', key)])).toEqual([
      expect.stringContaining("sent 1 times, handled 2 times"),
    ]);
    expect(judged("idempotent", [asked, handling(1, '"1"', key), handled(1, true), handling(2, '"1"', key)])).toEqual([]);
    expect(judged("idempotent", [asked, asked, handling(1, '"1"', key), handled(1), handling(2, '"1"', key)])).toEqual([]);
  });

  it("answered", () => {
    expect(judged("answered", [started(1), settled(1)])).toEqual([expect.stringContaining("answered by nobody")]);
    expect(judged("answered", [started(1), handling(1, '"1"'), settled(1), handled(1)])).toHaveLength(1);
    expect(judged("answered", [started(1, { what: "notify" }), settled(1)])).toEqual([]);
    expect(judged("answered", [started(1, { what: "notify", confirm: "done" }), settled(1)])).toHaveLength(1);
  });

  it("truthful", () => {
    expect(judged("truthful", [started(1), handling(1, '"1"'), settled(1, "no_answer")])).toEqual([expect.stringContaining("ended with no_answer")]);
    expect(judged("truthful", [started(1), handling(1, '"1"'), settled(1, "delivery_unknown")])).toEqual([]);
    expect(judged("truthful", [started(1), handling(1, '"1"'), handled(1, true), settled(1, "forbidden")])).toEqual([]);
  });

  it("secrecy", () => {
    const leak = Buffer.concat([Buffer.from("before "), secret]);
    expect(judged("secrecy", [["alice", { type: "frame", to: "inbox/bob/i", frame: leak }]])).toEqual([expect.stringContaining("in a frame")]);
    expect(judged("secrecy", [["alice", { type: "write", key: "out/1", value: leak }]])).toEqual([expect.stringContaining("in a disk")]);
    expect(judged("secrecy", [["alice", { type: "log", text: `failed: ${secret.toString()}` }]])).toEqual([expect.stringContaining("in a log")]);
  });

  it("nonces", () => {
    expect(judged("nonces", [record(0, 1), record(0, 2)])).toEqual([expect.stringContaining("one nonce")]);
    expect(judged("nonces", [record(0, 1), record(0, 1)])).toEqual([]);
  });

  it("memory", () => {
    expect(judged("memory", [["bob", { type: "memory", used: 11, most: 10 }]])).toEqual(["bob used 11 of 10 bytes at 0.0 ms"]);
  });
});
