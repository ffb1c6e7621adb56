import { type FaultyTransport, injectFaults } from "@tightbeam/conformance";
import { createAgent, TightbeamError } from "@tightbeam/core";
import { address, type Transport } from "@tightbeam/core/transport";
import { connectThrough } from "@tightbeam/core/via";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { insideOf } from "../../packages/core/src/patterns/inside.js";
import { encodeMessage, kinds } from "../../packages/core/src/patterns/via/message.js";
import { failure } from "../agents/settling.js";
import { createStage, type Stage, until } from "./stage.js";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});
afterEach(() => stage.close());

/** What an intermediate can do with frames: all of it happens between the transport it gives and the agent on it. */
type Meddle = (inner: Transport, to: Parameters<Transport["send"]>[0], frame: Uint8Array) => Promise<void>;
const meddling =
  (meddle: { with: Meddle }) =>
  (inner: Transport): Transport => ({
    ...inner,
    capabilities: inner.capabilities,
    state: inner.state,
    closed: inner.closed,
    send: (to, frame) => meddle.with(inner, to, frame),
    subscribe: inner.subscribe,
    close: inner.close,
  });

async function pair(wrapThrough: (transport: Transport) => Transport) {
  await stage.gate("gate");
  const { agent: alice } = await stage.through("alice", "gate");
  const { agent: bob } = await stage.through("bob", "gate", { wrapThrough });
  const runs: unknown[] = [];
  alice.handle("note", (input) => void runs.push(input));
  alice.handle("echo", (input) => input);
  return { alice, bob, runs };
}

describe("TM-150: an intermediate that", () => {
  test("drops, doubles, delays and reorders: all arrives once and in order", async () => {
    let seed = 1;
    const faults: FaultyTransport[] = [];
    const { bob, runs } = await pair((transport) => {
      const faulty = injectFaults(transport, { seed: seed++, drop: 0.2, duplicate: 0.2, reorder: { probability: 0.2, depth: 8 } });
      faults.push(faulty);
      return faulty;
    });
    for (let index = 0; index < 200; index++) {
      await bob.notify("alice", "note", index);
      // A frame each, or nearly.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await bob.notify("alice", "note", 200, { confirm: "done" });
    expect(runs).toEqual(Array.from({ length: 201 }, (_, index) => index));
    expect(faults[0]?.counters.dropped).toBeGreaterThan(0);
  });

  test("changes or cuts frames: none of them counts, and what was in them comes again", async () => {
    const { bob, alice, runs } = await pair((transport) => injectFaults(transport, { seed: 5, flip: 0.2, truncate: 0.1 }));
    for (let index = 0; index < 200; index++) await bob.notify("alice", "note", index);
    await bob.notify("alice", "note", 200, { confirm: "done" });
    expect(runs).toEqual(Array.from({ length: 201 }, (_, index) => index));
    expect(alice.links("bob")).toHaveLength(1);
  });

  test("repeats everything it ever saw, and sends frames back to where they came from: nothing runs twice", async () => {
    const seen: Uint8Array[] = [];
    const meddle = {
      with: (async (inner, to, frame) => {
        seen.push(frame.slice());
        await inner.send(to, frame);
      }) as Meddle,
    };
    const { alice, bob, runs } = await pair(meddling(meddle));
    for (let index = 0; index < 50; index++) await bob.notify("alice", "note", index, { confirm: "done" });
    const evil = await connectThrough(await stage.agent("evil"), "gate");
    const targets = [address("agent", "alice"), address("inbox", "alice", alice.instance), address("inbox", "bob", bob.instance), address("agent", "bob")];
    for (const frame of seen) for (const to of targets) await evil.send(to, frame);
    expect(await bob.request("alice", "echo", "still here")).toBe("still here");
    expect(runs).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect([bob.links("alice").length, alice.links("bob").length]).toEqual([1, 1]);
  });

  test("sends the first frames to somebody else: the dialled one or nobody", async () => {
    const meddle = { with: ((inner, to, frame) => inner.send(to === address("agent", "alice") ? address("agent", "mallory") : to, frame)) as Meddle };
    const { bob } = await pair(meddling(meddle));
    const { agent: mallory } = await stage.through("mallory", "gate");
    let asked = 0;
    mallory.handle("echo", () => asked++);
    const error = await failure(bob.request("alice", "echo", "for alice only", { timeout: 1_500 }));
    expect(["handshake_failed", "wrong_peer", "no_answer"]).toContain(error.code);
    expect(asked).toBe(0);
  });

  test("answers for others itself, with a token of its own: the dialled one or nobody", async () => {
    const gate = await stage.agent("gate", { permissions: ["forward:*"] });
    await gate.forward();
    // The same process also listens for alice: the table lets it, its token says so.
    const grab = await connectThrough(await stage.agent("thief", { permissions: ["forward:alice"] }), "gate");
    const thief = await createAgent({ identity: await stage.authority.enroll("thief"), trust: stage.authority.trust(), transport: asAlice(grab) });
    thief.handle("echo", () => "mine");
    const { agent: bob } = await stage.through("bob", "gate");
    const error = await failure(bob.request("alice", "echo", "for alice only", { timeout: 1_500 }));
    expect(["handshake_failed", "wrong_peer", "no_answer"]).toContain(error.code);
    await thief.close();
  });
});

/** Listens for alice where its agent listens for itself. */
const asAlice = (inner: Transport): Transport => ({
  ...inner,
  capabilities: inner.capabilities,
  state: inner.state,
  closed: inner.closed,
  send: (to, frame) => inner.send(to, frame),
  subscribe: (at, receive, options) => {
    const own = at.startsWith("agent/");
    return inner.subscribe(own ? address("agent", "alice") : at, receive, own ? { group: "alice" } : options);
  },
  close: () => inner.close(),
});

describe("TM-154: a client that takes nothing", () => {
  test("delays no other, costs a bounded queue, and hears of what it missed", async () => {
    const { forwarding } = await stage.gate("gate", { limits: { queueBytes: 256 * 1024 } });
    let slow: FaultyTransport | undefined;
    const stuck = await connectThrough(
      await stage.agent("stuck", {
        wrap: (transport) => {
          slow = injectFaults(transport, { seed: 1 });
          return slow;
        },
      }),
      "gate",
    );
    const { agent: alice } = await stage.through("alice", "gate");
    const { agent: bob } = await stage.through("bob", "gate");
    alice.handle("echo", (input) => input);
    await bob.request("alice", "echo", 0);
    const at = address("agent", "stuck");
    let got = 0;
    let lost = 0;
    stuck.state.subscribe((change) => {
      if (change.type === "dropped") lost += change.frames;
    });
    await stuck.subscribe(at, () => void got++);
    slow?.pause();
    const flood = await connectThrough(await stage.agent("flood"), "gate");
    const frame = new Uint8Array(16 * 1024);
    let sent = 0;
    for (; sent < 500; sent++) await flood.send(at, frame);
    // All of it was taken, and none of it stands in anybody's way.
    for (let index = 0; index < 20; index++) expect(await bob.request("alice", "echo", index)).toBe(index);
    await until(() => forwarding.status().counters.dropped > 0);
    expect(forwarding.status().queuedBytes).toBeLessThanOrEqual(256 * 1024 + 64 * 32);
    slow?.resume();
    await until(() => got + lost >= sent);
    expect([got + lost, lost > 0, forwarding.status().queuedBytes]).toEqual([sent, true, 0]);
  });
});

describe("TM-156: an intermediate that makes frames up", () => {
  test("reaches only what listens through it, and only by the numbers it was given", async () => {
    const liar = await stage.agent("liar");
    const { system, links } = insideOf(liar).host;
    const numbers: number[] = [];
    system.handle("via-join", () => ({ version: 1, frameBytes: 131_072 }));
    system.handle("via-unsubscribe", () => undefined);
    system.handle("via-subscribe", (_, value) => void numbers.push((value as { id: number }).id));
    await stage.gate("gate");
    const outer = await stage.agent("alice");
    const [through, honest] = [await connectThrough(outer, "liar"), await connectThrough(outer, "gate")];
    const got: string[] = [];
    await through.subscribe(address("agent", "alice"), (frame) => void got.push(`liar ${frame[0]}`));
    let honestNumber = 0;
    const count = numbers.length;
    await honest.subscribe(address("agent", "alice"), (frame) => void got.push(`gate ${frame[0]}`));
    honestNumber = (numbers[count - 1] as number) + 1;
    const refused: string[] = [];
    outer.onEvent((event) => {
      if (event.type === "refused") refused.push(event.error.code);
    });
    const [link] = links.list("alice");
    const say = (bytes: Uint8Array, intake = true): void => void link?.send({ bytes, lane: 2, intake });
    const deliver = (number: number, value: number): Uint8Array => encodeMessage(kinds.deliver, 1, number, "agent/alice", Uint8Array.of(value));
    const own = numbers[0] as number;
    // A number of nobody, one of another intermediate's, bytes that are no message, a frame to be forwarded by who does not, and one outside its credit.
    say(deliver(999, 1));
    say(deliver(honestNumber, 2));
    say(deliver(own, 3).subarray(0, 5));
    say(encodeMessage(kinds.send, 1, 0, "agent/bob", Uint8Array.of(4)));
    say(deliver(own, 5), false);
    say(encodeMessage(kinds.dropped, 1, own, "", new Uint8Array(3)));
    say(deliver(own, 6));
    await until(() => got.length > 0 && refused.length >= 3);
    expect(got).toEqual(["liar 6"]);
    expect(refused).toEqual(["invalid_envelope", "invalid_envelope", "invalid_envelope"]);
    await honest.send(address("agent", "alice"), Uint8Array.of(7));
    await until(() => got.length > 1);
    expect(got).toEqual(["liar 6", "gate 7"]);
    expect([through.state.current, honest.state.current]).toEqual(["up", "up"]);
  });

  test("one that speaks another version, or says nonsense, is not used", async () => {
    const liar = await stage.agent("liar");
    const answers: unknown[] = [undefined, 1, { version: 2, frameBytes: 131_072 }, { version: 1, frameBytes: 100 }, { version: 1 }];
    insideOf(liar).host.system.handle("via-join", () => answers.shift());
    const outer = await stage.agent("alice");
    while (answers.length > 0) expect((await failure(connectThrough(outer, "liar"))).code).toBe("unsupported");
  });

  test("who refuses later what it had allowed ends the transport", async () => {
    const { agent } = await stage.gate("gate");
    const outer = await stage.agent("alice");
    const transport = await connectThrough(outer, "gate");
    await transport.subscribe(address("agent", "alice"), () => undefined);
    await agent.close();
    const liar = await stage.agent("gate");
    insideOf(liar).host.system.handle("via-join", () => {
      throw new TightbeamError("forbidden", "Not any more.");
    });
    expect((await transport.closed)?.code).toBe("denied");
    expect((await failure(transport.send(address("agent", "bob"), new Uint8Array(1)))).code).toBe("closed");
  });
});
