import { describe, expect, it } from "vitest";
import { invariants, type Listed } from "../src/index.js";
import type { HandlingEvent, StartedEvent, TraceDetail, TraceEvent } from "../src/trace.js";

const secret = Buffer.from("a secret that is long");

/** A trace of these, one each ms, judged by one invariant. */
function judged(
  name: string,
  events: readonly (readonly [agent: string, detail: TraceDetail, incarnation?: number])[],
  drainedAt: number | undefined = 100,
  faults: readonly Listed[] = [],
): readonly string[] {
  const trace = events.map(([agent, detail, incarnation = 0], at): TraceEvent => ({ at, agent, incarnation, ...detail }));
  const check = invariants.find((one) => one.name === name);
  return check?.run({ seed: 1, faults, trace, drainedAt, endedAt: 100, secrets: [secret] }) ?? ["there is no such invariant"];
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
const handling = (call: number, print: string, more: Partial<HandlingEvent> = {}, incarnation = 0) =>
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
      attempt: undefined,
      ...more,
    },
    incarnation,
  ] as const;
const keeping = (keep: number, print: string, call?: number, incarnation = 0) =>
  ["bob", { type: "keeping", keep, name: "tally", print, call }, incarnation] as const;
const kept = (keep: number, incarnation = 0) => ["bob", { type: "kept", keep, error: undefined }, incarnation] as const;
const restored = (print: string | undefined, incarnation = 0) => ["bob", { type: "restored", name: "tally", print, error: undefined }, incarnation] as const;
const chunk = (agent: "alice" | "bob", what: "said" | "heard", print: string) =>
  [agent, { type: "chunk", what, end: agent === "alice" ? "caller" : "handler", stream: agent === "alice" ? 1 : 2, print }] as const;
const said = (print: string) => chunk("bob", "said", print);
const heard = (print: string) => chunk("alice", "heard", print);
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
    const key = { idempotencyKey: "k" };
    const asked = started(1, key);
    const write = ["bob", { type: "write", key: "idem/1", value: undefined }] as const;
    expect(judged("idempotent", [asked, handling(1, '"1"', key), handled(1), handling(2, '"1"', key)])).toEqual([expect.stringContaining("with this key")]);
    expect(judged("idempotent", [asked, handling(1, '"1"', key), handled(1, true), handling(2, '"1"', key)])).toEqual([]);
    const again = [asked, handling(1, '"1"', key), handled(1, true), settled(1), handling(2, '"1"', key)] as const;
    expect(judged("idempotent", again)).toEqual([]);
    expect(judged("idempotent", [write, ...again])).toEqual([expect.stringContaining("it had been answered")]);
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

  it("acknowledged", () => {
    const kept = started(1, { what: "notify", durable: true });
    const letter = (side: "sender" | "receiver") =>
      [
        side === "sender" ? "alice" : "bob",
        { type: "letter", reason: "handler_failed", side, peer: side === "sender" ? "bob" : "alice", method: "ask", print: '"1"' },
      ] as const;
    expect(judged("acknowledged", [kept, settled(1)])).toEqual([expect.stringContaining("was accepted, and is gone")]);
    expect(judged("acknowledged", [kept, settled(1), handling(1, '"1"'), handled(1, true)])).toHaveLength(1);
    expect(judged("acknowledged", [kept, settled(1), handling(1, '"1"'), handled(1)])).toEqual([]);
    expect(judged("acknowledged", [kept, settled(1), letter("sender")])).toEqual([]);
    expect(judged("acknowledged", [kept, settled(1), letter("receiver")])).toEqual([]);
    expect(judged("acknowledged", [kept, settled(1, "store_full")])).toEqual([]);
    expect(judged("acknowledged", [kept, settled(1), ["bob", { type: "log", what: "store_damaged", text: "" }]])).toEqual([]);
  });

  it("done", () => {
    const kept = started(1, { what: "notify", durable: true, confirm: "done" });
    expect(judged("done", [kept, handling(1, '"1"'), handled(1), settled(1), handling(2, '"1"')])).toEqual([
      expect.stringContaining("it was confirmed as done"),
    ]);
    expect(judged("done", [kept, handling(1, '"1"'), handled(1), handling(2, '"1"'), settled(1)])).toEqual([]);
    // Its marks were in the memory of the process before.
    const restarted = [kept, handling(1, '"1"'), handled(1), settled(1), handling(2, '"1"', {}, 1)] as const;
    expect(judged("done", restarted)).toEqual([]);
    expect(judged("done", [["bob", { type: "write", key: "mark/1", value: undefined }], ...restarted])).toHaveLength(1);
  });

  it("in-turn", () => {
    const [first, second] = [started(1, { what: "notify", durable: true }), started(2, { what: "notify", durable: true })];
    expect(judged("in-turn", [first, second, handling(1, '"2"'), handling(2, '"1"')])).toEqual([expect.stringContaining("after a later one")]);
    expect(judged("in-turn", [first, second, handling(1, '"1"'), handling(2, '"2"'), handling(3, '"1"')])).toEqual([]);
  });

  it("committed", () => {
    const sent = (operation: number) => started(operation, { what: "notify", durable: true });
    const both = [sent(1), settled(1), sent(2), settled(2)] as const;
    const first = [handling(3, '"1"'), keeping(4, "a", 3), kept(4)] as const;
    expect(judged("committed", [...both, ...first, handling(5, '"2"'), keeping(6, "ab", 5), kept(6), restored("ab")])).toEqual([]);
    // The mark is there, the state is not; and the other way round.
    const lost = [...both, ...first, handling(5, '"2"'), keeping(6, "ab", 5), kept(6), restored("a", 1)] as const;
    expect(judged("restored", lost)).toEqual([expect.stringContaining("an older one")]);
    const twice = [...both, ...first, restored("a", 1), handling(5, '"1"', {}, 1), keeping(6, "aa", 5, 1), kept(6, 1), restored("aa", 1)] as const;
    expect(judged("committed", twice)).toEqual([expect.stringContaining("is 2 times in tally")]);
    // It was being written when the process died; and another handler did it again, which is not in what was restored.
    const pending = [...both, ...first, handling(5, '"2"'), keeping(6, "ab", 5), restored("ab", 1)] as const;
    expect(judged("committed", pending)).toEqual([]);
    expect(judged("committed", [...both, ...first, handling(5, '"2"'), keeping(6, "ab", 5), restored("a", 1)])).toEqual([
      expect.stringContaining("was accepted, and is not in tally"),
    ]);
    expect(judged("committed", twice, 100, [{ id: 0, kind: "rot", agent: "bob", at: 0 }])).toEqual([]);
  });

  it("marked", () => {
    const sent = started(1, { what: "notify", durable: true });
    const first = [sent, handling(3, '"1"'), keeping(4, "a", 3), kept(4)] as const;
    expect(judged("marked", first)).toEqual([]);
    expect(judged("marked", [...first, handling(5, '"1"', {}, 1)])).toEqual([expect.stringContaining("it was committed")]);
    expect(judged("marked", [...first.slice(0, -1), handling(5, '"1"', {}, 1)])).toEqual([]);
    const checkpoint = [sent, handling(3, '"1"'), handled(3), keeping(4, "a"), kept(4)] as const;
    expect(judged("marked", [...checkpoint, handling(5, '"1"', {}, 1)])).toEqual([expect.stringContaining("had settled before the checkpoint")]);
    expect(judged("marked", [sent, handling(3, '"1"'), keeping(4, "a"), handled(3), kept(4), handling(5, '"1"', {}, 1)])).toEqual([]);
  });

  it("restored", () => {
    const two = [keeping(1, "a"), kept(1), keeping(2, "ab")] as const;
    for (const print of ["a", "ab"]) expect(judged("restored", [...two, restored(print, 1)])).toEqual([]);
    expect(judged("restored", [...two, kept(2), restored("a", 1)])).toEqual([expect.stringContaining("an older one")]);
    expect(judged("restored", [...two, restored("b", 1)])).toEqual([expect.stringContaining("what nobody had kept")]);
    expect(judged("restored", [...two, restored(undefined, 1)])).toEqual([expect.stringContaining("nothing, although")]);
    expect(judged("restored", [restored(undefined)])).toEqual([]);
  });

  it("streamed", () => {
    const opened = [started(1, { what: "stream" }), handling(2, '"1"', { what: "stream" })] as const;
    const talk = (...chunks: readonly ReturnType<typeof chunk>[]) => judged("streamed", [...opened, ...chunks]);
    expect(talk(said("a"), said("b"), heard("a"))).toEqual([]);
    expect(talk(said("a"), said("b"), heard("b"))).toEqual([expect.stringContaining("chunk 0 was heard out of turn")]);
    expect(talk(said("a"), said("b"), heard("a"), heard("a"))).toEqual([expect.stringContaining("chunk 1 was heard a second time")]);
    expect(talk(said("a"), heard("c"))).toEqual([expect.stringContaining("which nobody had said")]);
    expect(talk(chunk("alice", "said", "a"), chunk("bob", "heard", "b"))).toHaveLength(1);
  });

  it("ended", () => {
    const opened = [started(1, { what: "stream" }), handling(2, '"1"', { what: "stream" }), said("a")] as const;
    const through = (error?: string) => ["alice", { type: "through", end: "caller", stream: 1, error }] as const;
    expect(judged("ended", [...opened, handled(2), heard("a"), through(), settled(1)])).toEqual([]);
    expect(judged("ended", [...opened, handled(2), through(), settled(1)])).toEqual([expect.stringContaining("0 of 1 chunks were heard")]);
    expect(judged("ended", [...opened, heard("a"), through("delivery_unknown"), settled(1, "delivery_unknown")])).toEqual([
      expect.stringContaining("its handler never came to an end"),
    ]);
    expect(judged("ended", [...opened, ["bob", { type: "process", what: "crashed" }], settled(1, "delivery_unknown")])).toEqual([]);
    expect(judged("ended", [...opened, handled(2, true), heard("a"), through(), settled(1)])).toEqual([expect.stringContaining("its handler failed")]);
    expect(judged("ended", [...opened, handled(2), heard("a"), settled(1, "handler_failed")])).toEqual([expect.stringContaining("as if its handler")]);
    expect(judged("ended", [...opened, handled(2, true), through("handler_failed"), settled(1, "handler_failed")])).toEqual([
      expect.stringContaining("failure was heard after 0 of 1"),
    ]);
    const output = ["bob", { type: "handled", call: 2, failed: false, print: "1" }] as const;
    expect(judged("ended", [...opened, output, heard("a"), settled(1)])).toEqual([expect.stringContaining("is not what the handler returned")]);
    const all = ["bob", { type: "through", end: "handler", stream: 2, error: undefined }] as const;
    expect(judged("ended", [...opened, chunk("alice", "said", "b"), all, handled(2), heard("a"), settled(1)])).toEqual([
      expect.stringContaining("0 of 1 chunks"),
    ]);
  });

  const publish = (operation: number) => started(operation, { what: "publish", to: undefined, method: "news.far", linked: undefined });
  const event = (call: number, print: string) => handling(call, print, { what: "topic", method: "news.far", subscription: 0 });

  it("published", () => {
    expect(judged("published", [publish(1), publish(2), event(3, '"1"'), event(4, '"2"')])).toEqual([]);
    expect(judged("published", [publish(1), publish(2), event(3, '"2"'), event(4, '"1"')])).toEqual([expect.stringContaining("after a later one")]);
    expect(judged("published", [publish(1), event(3, '"1"'), event(4, '"1"')])).toEqual([expect.stringContaining("it had been there")]);
  });

  it("unbroken", () => {
    const say = (agent: string, what: string, more: object) =>
      [
        agent,
        {
          type: "log",
          what,
          text: JSON.stringify({
            pattern: "news.*",
            ...(agent === "alice" ? { peer: "bob", instance: "bobs" } : { peer: "alice", instance: "alices" }),
            ...more,
          }),
        },
      ] as const;
    const asked = [...joined, publish(1), settled(1), say("alice", "subscriber", { gone: false }), publish(2), settled(2), publish(3), settled(3)] as const;
    const missed = [expect.stringContaining("did not reach bob")];
    expect(judged("unbroken", [...asked, event(4, '"2"'), event(5, '"3"')])).toEqual([]);
    expect(judged("unbroken", [...asked, event(4, '"2"')])).toEqual(missed);
    expect(judged("unbroken", [...asked, event(4, '"3"')])).toEqual(missed);
    // Its end was told, and before it there is no gap; one that was slow may have any.
    expect(judged("unbroken", [...asked, event(4, '"2"'), say("bob", "unsubscribed", {})])).toEqual([]);
    expect(judged("unbroken", [...asked, event(4, '"3"'), say("bob", "unsubscribed", {})])).toEqual(missed);
    expect(judged("unbroken", [...asked, say("alice", "subscriber_slow", { slow: true }), event(4, '"3"')])).toEqual([]);
    expect(judged("unbroken", [...asked, ["bob", { type: "process", what: "crashed" }]])).toEqual([]);
    expect(judged("unbroken", [...asked, say("alice", "subscriber", { gone: true })])).toEqual([]);
    expect(judged("unbroken", [...joined, say("alice", "subscriber", { gone: false, pattern: "other.>" }), publish(2), settled(2)])).toEqual([]);
  });

  it("sound", () => {
    const event = ["bob", { type: "log", what: "store_rolled_back", text: "of alice" }] as const;
    expect(judged("sound", [event])).toEqual(["bob/0 at 0.0 ms: of alice"]);
    expect(judged("sound", [event], 100, [{ id: 0, kind: "rot", agent: "alice", at: 0 }])).toEqual([]);
  });

  it("header", () => {
    const faults: readonly Listed[] = [{ id: 3, kind: "header", agent: "bob", at: 0 }];
    const begins = (incarnation: number) => ["bob", { type: "process", what: "started" }, incarnation] as const;
    const spoiled = ["", { type: "fault", fault: 3, what: "changed meta/state" }] as const;
    const write = (key: string, incarnation: number) => ["bob", { type: "write", key, value: undefined }, incarnation] as const;
    const first = [begins(0), write("meta/state", 0), spoiled, write("out/1", 0), begins(1)] as const;
    expect(judged("header", first, 100, faults)).toEqual([]);
    expect(judged("header", [...first, write("meta/state", 1)], 100, faults)).toEqual([expect.stringContaining("bob/1 wrote meta/state")]);
    expect(judged("header", [begins(0), spoiled, write("meta/state", 0), begins(1), write("meta/state", 1)], 100, faults)).toEqual([]);
  });

  it("secrecy", () => {
    const leak = Buffer.concat([Buffer.from("before "), secret]);
    expect(judged("secrecy", [["alice", { type: "frame", to: "inbox/bob/i", frame: leak }]])).toEqual([expect.stringContaining("in a frame")]);
    expect(judged("secrecy", [["alice", { type: "write", key: "out/1", value: leak }]])).toEqual([expect.stringContaining("in a disk")]);
    expect(judged("secrecy", [["alice", { type: "log", what: "handler_failed", text: `failed: ${secret.toString()}` }]])).toEqual([
      expect.stringContaining("in a log"),
    ]);
  });

  it("nonces", () => {
    expect(judged("nonces", [record(0, 1), record(0, 2)])).toEqual([expect.stringContaining("one nonce")]);
    expect(judged("nonces", [record(0, 1), record(0, 1)])).toEqual([]);
    const value = (nonce: number, byte: number) =>
      ["bob", { type: "write", key: "out/1", value: Uint8Array.from({ length: 60 }, (_, at) => (at < 29 ? nonce : byte)) }] as const;
    expect(judged("nonces", [value(1, 1), value(1, 2)])).toEqual([expect.stringContaining("two values with one nonce")]);
    expect(judged("nonces", [value(1, 1), value(2, 2)])).toEqual([]);
  });

  it("memory", () => {
    expect(judged("memory", [["bob", { type: "memory", used: 11, most: 10, held: 0 }]])).toEqual(["bob used 11 of 10 bytes at 0.0 ms"]);
    expect(judged("memory", [["bob", { type: "memory", used: 4, most: 10, held: 5 }]])).toEqual(["bob held 5 bytes in its links and had counted 4 at 0.0 ms"]);
  });

  it("rest", () => {
    const at = (agent: string, ...links: readonly string[]) =>
      [agent, { type: "rest", holds: { streams: agent === "bob" ? 1 : 0 }, timers: 9, links }] as const;
    const events = [at("bob", "alice"), at("alice", "bob")] as const;
    expect(judged("rest", events)).toEqual(["bob still has streams: 1"]);
    expect(judged("rest", [at("bob", "alice"), at("alice")])).toEqual([]);
    expect(judged("rest", events, Number.NaN)).toHaveLength(1);
  });
});
