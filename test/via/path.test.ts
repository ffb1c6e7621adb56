import { createAgent } from "@tightbeam/core";
import { type Address, address, type Transport } from "@tightbeam/core/transport";
import { connectThrough } from "@tightbeam/core/via";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { failure } from "../agents/settling.js";
import { createStage, type Stage, until } from "./stage.js";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});
afterEach(() => stage.close());

const everything = ["forward:*"];

/** Shows every frame that a transport sends and gets: what its intermediate sees. */
const watched =
  (sent: Uint8Array[], received: Uint8Array[] = []) =>
  (inner: Transport): Transport => ({
    ...inner,
    capabilities: inner.capabilities,
    state: inner.state,
    closed: inner.closed,
    send(to, frame) {
      sent.push(frame.slice());
      return inner.send(to, frame);
    },
    subscribe: (at, receive, options) =>
      inner.subscribe(
        at,
        (frame) => {
          received.push(frame.slice());
          return receive(frame);
        },
        options,
      ),
    close: () => inner.close(),
  });

const texts = (frames: readonly Uint8Array[]): string[] => frames.map((frame) => Buffer.from(frame).toString("latin1"));

describe("through one agent", () => {
  test("TM-150: the session is the ends' own: the agent between carries frames as they are and sees nothing of what is in them", async () => {
    await stage.gate("gate");
    const [sent, received]: [Uint8Array[], Uint8Array[]] = [[], []];
    const { agent: alice, outer } = await stage.through("alice", "gate", { wrapThrough: watched([], received) });
    const { agent: bob } = await stage.through("bob", "gate", { wrapThrough: watched(sent) });
    alice.handle("swordfish", (input) => ({ heard: input }));
    expect(await bob.request("alice", "swordfish", { text: "the eagle has landed" })).toEqual({ heard: { text: "the eagle has landed" } });
    const [link] = bob.links("alice");
    expect([link?.peer.id, link?.peer.instance, link?.peer.issuer, link?.status().suite]).toEqual(["alice", alice.instance, "https://auth.example", 0x0101]);
    expect(alice.instance).not.toBe(outer.instance);
    const seen = texts(sent);
    expect(seen.length).toBeGreaterThan(2);
    for (const secret of ["eagle", "swordfish", "heard", "eyJ"]) expect(seen.some((text) => text.includes(secret))).toBe(false);
    expect(new Set(texts(received)).size).toBeGreaterThan(2);
    for (const text of texts(received)) expect(seen).toContain(text);
  });

  test("large messages, many at once, and both ways", async () => {
    await stage.gate("gate");
    const { agent: alice } = await stage.through("alice", "gate");
    const { agent: bob } = await stage.through("bob", "gate");
    alice.handle("echo", (input) => input);
    bob.handle("echo", (input) => input);
    const large = Uint8Array.from({ length: 3_000_000 }, (_, index) => index * 7);
    expect(Buffer.compare((await bob.request("alice", "echo", large)) as Uint8Array, large)).toBe(0);
    const both = Array.from({ length: 200 }, (_, index) => [bob.request("alice", "echo", index), alice.request("bob", "echo", -1 - index)]).flat();
    expect(await Promise.all(both)).toEqual(Array.from({ length: 200 }, (_, index) => [index, -1 - index]).flat());
  });

  test("TM-155: an agent that was not asked to forwards nothing, and one that stops is left", async () => {
    const plain = await stage.agent("plain");
    const outer = await stage.agent("alice");
    const error = await failure(connectThrough(outer, "plain"));
    expect([error.code, error.message]).toEqual(["unsupported", "plain does not forward: it has to call agent.forward()."]);
    const forwarding = await plain.forward();
    const transport = await connectThrough(outer, "plain");
    expect(forwarding.status()).toMatchObject({ clients: 1, subscriptions: 0, next: undefined });
    forwarding.stop();
    forwarding.stop();
    await until(() => transport.state.current === "down");
    expect((await failure(transport.send(address("agent", "bob"), new Uint8Array(1)))).code).toBe("unavailable");
    await plain.forward();
    await until(() => transport.state.current === "up");
  });

  test("TM-155: with a policy, only for whom it permits it", async () => {
    await stage.gate("gate", {}, { policy: "token" });
    expect((await failure(connectThrough(await stage.agent("mallory"), "gate"))).code).toBe("denied");
    const { agent: alice } = await stage.through("alice", "gate", { permissions: ["forward:alice"] });
    const { agent: bob } = await stage.through("bob", "gate", { permissions: ["forward:*"] });
    alice.handle("echo", (input) => input);
    expect(await bob.request("alice", "echo", 1)).toBe(1);
  });

  test("TM-151: nobody listens for another, but whose token says `forward:` for it", async () => {
    await stage.gate("gate");
    const mallory = await connectThrough(await stage.agent("mallory"), "gate");
    const instance = "i".repeat(22);
    const foreign = [
      address("agent", "alice"),
      address("inbox", "alice", instance),
      address("inbox", "mallory", "deeper", instance),
      address("agent", "mallory", "deeper"),
      address("presence", "acme"),
      address("other", "mallory"),
    ];
    for (const at of foreign) expect((await failure(mallory.subscribe(at, () => undefined))).code, at).toBe("denied");
    for (const at of [address("agent", "mallory"), address("inbox", "mallory", instance), address("presence", "_")])
      await mallory.subscribe(at, () => undefined);
    const proxy = await connectThrough(await stage.agent("acme/proxy", { permissions: ["forward:alice", "forward:presence:_"] }), "gate");
    for (const at of [address("agent", "alice"), address("presence", "acme"), address("presence", "_")]) await proxy.subscribe(at, () => undefined);
    expect((await failure(proxy.subscribe(address("agent", "bob"), () => undefined))).code).toBe("denied");
  });

  test("hints reach the own realm only, and everyone there once", async () => {
    const { forwarding } = await stage.gate("gate");
    const got: string[] = [];
    const join = async (id: string, realm: string) => {
      const transport = await connectThrough(await stage.agent(id), "gate");
      await transport.subscribe(address("presence", realm), (frame) => void got.push(`${id}:${frame[0]}`));
      return transport;
    };
    const ann = await join("acme/ann", "acme");
    await join("acme/ben", "acme");
    const cid = await join("cid", "_");
    await ann.send(address("presence", "acme"), Uint8Array.of(1));
    await cid.send(address("presence", "acme"), Uint8Array.of(2));
    await cid.send(address("presence", "_"), Uint8Array.of(3));
    await until(() => got.includes("cid:3") && got.length >= 3);
    expect(got.toSorted()).toEqual(["acme/ann:1", "acme/ben:1", "cid:3"]);
    expect(forwarding.status().counters.refused).toBe(1);
  });
});

describe("through several agents", () => {
  test("A, I1, I2, B: the session is still the ends' own", async () => {
    await stage.gate("i2");
    const first = await stage.gate("i1", { next: "i2" }, { permissions: everything });
    const { agent: alice } = await stage.through("alice", "i1");
    const { agent: bob } = await stage.through("bob", "i2");
    bob.handle("echo", (input) => input);
    alice.handle("echo", (input) => input);
    expect(await alice.request("bob", "echo", "there")).toBe("there");
    expect(await bob.request("alice", "echo", "and back")).toBe("and back");
    expect(await bob.request("alice", "echo", new Uint8Array(500_000))).toHaveLength(500_000);
    expect(alice.links("bob")[0]?.peer.instance).toBe(bob.instance);
    expect(first.forwarding.status().next).toBe("up");
    expect(first.forwarding.status().counters.passedOn).toBeGreaterThan(0);
  });

  test("four in a row, found in both directions; a hint reaches everyone once", async () => {
    for (const [id, next] of [["i4"], ["i3", "i4"], ["i2", "i3"], ["i1", "i2"]] as const) {
      await stage.gate(id, next === undefined ? {} : { next }, { permissions: everything });
    }
    const { agent: alice } = await stage.through("alice", "i1");
    const { agent: bob } = await stage.through("bob", "i4");
    bob.handle("echo", (input) => input);
    expect(await alice.request("bob", "echo", 1)).toBe(1);
    const got: string[] = [];
    const ends = await Promise.all(
      (["i1", "i1", "i2", "i4"] as const).map(async (gate, index) => {
        const transport = await connectThrough(await stage.agent(`end${index}`), gate);
        await transport.subscribe(address("presence", "_"), () => void got.push(`${index}`));
        return transport;
      }),
    );
    await ends[0]?.send(address("presence", "_"), new Uint8Array(1));
    // Up reaches those on the way; down it goes to who listens behind an agent, so everybody on the path hears.
    await until(() => got.length >= 4);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(got.toSorted()).toEqual(["0", "1", "2", "3"]);
  });

  test("TM-151: an agent whose token does not let it forward is refused by the next, and says so to who asks", async () => {
    await stage.gate("i2");
    const refused: string[] = [];
    const first = await stage.gate("i1", { next: "i2" });
    first.agent.onEvent((event) => {
      if (event.type === "refused") refused.push(event.error.code);
    });
    const outer = await stage.agent("alice");
    const transport = await connectThrough(outer, "i1");
    await until(() => first.forwarding.status().next === "up");
    const error = await failure(transport.subscribe(address("agent", "alice"), () => undefined));
    expect(error.code).toBe("denied");
    expect(error.message).toContain("its token needs `forward:*`");
    expect(first.forwarding.status().subscriptions).toBe(0);
  });

  test("TM-152: a frame is forwarded as often as it says and no oftener", async () => {
    await stage.gate("i3");
    await stage.gate("i2", { next: "i3" }, { permissions: everything });
    const first = await stage.gate("i1", { next: "i2" }, { permissions: everything });
    const bob = await connectThrough(await stage.agent("bob"), "i3");
    const at = address("agent", "bob");
    const got: number[] = [];
    await bob.subscribe(at, (frame) => void got.push(frame[0] as number));
    for (const hops of [1, 2, 3, 4]) {
      const alice = await connectThrough(await stage.agent("alice"), "i1", { hops });
      await alice.send(at, Uint8Array.of(hops));
    }
    await until(() => got.length >= 2);
    expect(got).toEqual([3, 4]);
    expect(first.forwarding.status().counters.expired).toBe(1);
    await expect(connectThrough(await stage.agent("alice"), "i1", { hops: 33 })).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("TM-152: in a ring a frame to nobody ends, and subscriptions do", async () => {
    const ids = ["i1", "i2", "i3"];
    const agents = await Promise.all(ids.map((id) => stage.agent(id, { permissions: everything })));
    const ring = await Promise.all(
      agents.map(async (agent, index) => ({ forwarding: await agent.forward({ next: ids[(index + 1) % 3] as string, limits: { hops: 9 } }) })),
    );
    await until(() => ring.every(({ forwarding }) => forwarding.status().next === "up"));
    const alice = await connectThrough(await stage.agent("alice"), "i1", { hops: 32 });
    await alice.subscribe(address("agent", "alice"), () => undefined);
    await alice.send(address("agent", "nobody"), new Uint8Array(1));
    const total = (name: "taken" | "expired" | "passedOn") => ring.reduce((sum, { forwarding }) => sum + forwarding.status().counters[name], 0);
    await until(() => total("expired") === 1);
    expect(total("passedOn")).toBe(8);
    expect(total("taken")).toBe(9);
    // What is there goes to whoever listens, and stops there.
    const { agent: bob } = await stage.through("bob", "i3");
    const { agent: carol } = await stage.through("carol", "i2");
    bob.handle("echo", (input) => input);
    expect(await carol.request("bob", "echo", "round")).toBe("round");
    await alice.send(address("presence", "_"), new Uint8Array(1));
    await until(() => total("expired") >= 2);
  });

  test("two agents that are each other's next pass nothing back", async () => {
    const [first, second] = [await stage.agent("i1", { permissions: everything }), await stage.agent("i2", { permissions: everything })];
    const [one, two] = await Promise.all([first.forward({ next: "i2" }), second.forward({ next: "i1" })]);
    await until(() => one.status().next === "up" && two.status().next === "up");
    const { agent: alice } = await stage.through("alice", "i1");
    const { agent: bob } = await stage.through("bob", "i2");
    bob.handle("echo", (input) => input);
    expect(await alice.request("bob", "echo", 1)).toBe(1);
    const before = one.status().counters.taken + two.status().counters.taken;
    const probe = await connectThrough(await stage.agent("probe"), "i1");
    await probe.send(address("agent", "nobody"), new Uint8Array(1));
    await until(() => two.status().counters.nowhere >= 1);
    expect(one.status().counters.taken + two.status().counters.taken - before).toBeLessThan(20);
    expect(one.status().counters.expired + two.status().counters.expired).toBe(0);
  });

  test("a transport through a transport: nested, each with its own session", async () => {
    await stage.gate("outside");
    const { agent: inside } = await stage.through("inside", "outside");
    await inside.forward();
    const { agent: first } = await stage.through("alice", "outside");
    const second = await createAgent({
      identity: await stage.authority.enroll("alice"),
      trust: stage.authority.trust(),
      transport: await connectThrough(first, "inside"),
    });
    const { agent: outerBob } = await stage.through("bob", "outside");
    const bob = await createAgent({
      identity: await stage.authority.enroll("bob"),
      trust: stage.authority.trust(),
      transport: await connectThrough(outerBob, "inside"),
    });
    bob.handle("echo", (input) => input);
    expect(await second.request("bob", "echo", "deep")).toBe("deep");
    await second.close();
    await bob.close();
  });
});

describe("bad arguments", () => {
  test("are refused at once", async () => {
    const gate = await stage.agent("gate");
    const outer = await stage.agent("alice");
    const code = async (promise: Promise<unknown>) => (await failure(promise)).code;
    expect(await code(gate.forward({ limits: { clients: 0 } }))).toBe("invalid_argument");
    expect(await code(gate.forward({ limits: { hops: 33 } }))).toBe("invalid_argument");
    expect(await code(gate.forward({ limits: { nonsense: 1 } as object }))).toBe("invalid_argument");
    expect(await code(gate.forward({ nextt: "x" } as object))).toBe("invalid_argument");
    expect(await code(gate.forward({ next: "gate" }))).toBe("invalid_argument");
    expect(await code(gate.forward({ next: "no agent!" }))).toBe("invalid_argument");
    await gate.forward();
    expect(await code(gate.forward())).toBe("invalid_argument");
    expect(await code(connectThrough(outer, "no agent!"))).toBe("invalid_argument");
    expect(await code(connectThrough(outer, "gate", { hops: 0 }))).toBe("invalid_argument");
    expect(await code(connectThrough(outer, "gate", { timeout: -1 }))).toBe("invalid_argument");
    expect(await code(connectThrough(outer, "gate", { inboxBytes: 100 }))).toBe("invalid_argument");
    expect(await code(connectThrough(outer, "gate", { hop: 1 } as object))).toBe("invalid_argument");
    expect(await code(connectThrough({ ...outer }, "gate"))).toBe("invalid_argument");
    expect(await code(connectThrough(outer, "nobody", { timeout: 100 }))).toBe("no_answer");
    const small = await stage.agent("small", { limits: { messageMaxBytes: 100_000 } });
    expect(await code(connectThrough(small, "gate"))).toBe("invalid_argument");
    expect(await code(small.forward())).toBe("invalid_argument");
    const transport = await connectThrough(outer, "gate");
    expect(await code(transport.send("a b" as Address, new Uint8Array(1)))).toBe("invalid_address");
    expect(await code(transport.subscribe("*" as Address, () => undefined))).toBe("invalid_address");
    expect(await code(transport.subscribe(address("agent", "alice"), () => undefined, { group: "*" }))).toBe("invalid_argument");
  });
});
