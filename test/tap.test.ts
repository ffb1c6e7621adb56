import { type Agent, type AgentOptions, contract, createAgent, createAuthority, type Identity, method, stream, TightbeamError, topic } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterEach, describe, expect, it } from "vitest";

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
});

/** Two agents, every frame between them, and every token they showed. */
async function tapped({ permissions = [], ...options }: Partial<AgentOptions> & { permissions?: readonly string[] } = {}) {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const hub = createHub();
  const seen: { readonly to: string; readonly frame: Buffer }[] = [];
  hub.tap((to, frame) => seen.push({ to, frame: Buffer.from(frame) }));
  const tokens = new Set<string>();
  const join = async (id: string): Promise<Agent> => {
    const enrolled = await authority.enroll(id, { permissions });
    const identity: Identity = {
      id: enrolled.id,
      key: enrolled.key,
      async token(audience) {
        const token = await enrolled.token(audience);
        tokens.add(token);
        return token;
      },
    };
    const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), ...options });
    agents.push(agent);
    return agent;
  };
  return { alice: await join("alice"), bob: await join("bob"), seen, tokens };
}

const shown = (seen: readonly { readonly frame: Buffer }[], secret: string): boolean => seen.some(({ frame }) => frame.includes(secret));

describe("a tap on the network", () => {
  it("TM-90 shows no payload, method, header, error text or token", async () => {
    const { alice, bob, seen, tokens } = await tapped();
    alice.handle("method-of-alice", (input) => input);
    alice.handle("method-that-fails", () => {
      throw new TightbeamError("forbidden", "error-text-of-alice");
    });
    const payload = { text: "payload-of-bob ".repeat(2_000) };
    await bob.request("alice", "method-of-alice", payload, { headers: { "x-header": "header-of-bob" }, idempotencyKey: "key-of-bob" });
    await bob.notify("alice", "method-of-alice", new TextEncoder().encode("bytes-of-bob"), { confirm: "done" });
    await expect(bob.request("alice", "method-that-fails")).rejects.toMatchObject({ code: "forbidden", message: "error-text-of-alice" });

    const secrets = [
      "payload-of-bob",
      "method-of-alice",
      "method-that-fails",
      "x-header",
      "header-of-bob",
      "key-of-bob",
      "bytes-of-bob",
      "error-text-of-alice",
    ];
    expect(secrets.filter((secret) => shown(seen, secret))).toEqual([]);
    expect(tokens.size).toBe(2);
    // Neither whole nor by its parts: header, claims, signature.
    expect([...tokens].flatMap((token) => token.split(".")).filter((part) => shown(seen, part))).toEqual([]);
    // What it does show, as the threat model says: who, and how much.
    const places = new Set(seen.map(({ to }) => to.split("/").slice(0, 2).join("/")));
    expect([...places].sort()).toEqual(["agent/alice", "inbox/alice", "inbox/bob"]);
    expect(shown(seen, "inbox/bob/")).toBe(true);
    expect(seen.reduce((sum, { frame }) => sum + frame.length, 0)).toBeGreaterThan(2 * payload.text.length);
  });

  it("TM-90 shows no topic, pattern, event, kind, contract, stream or chunk, also of agents that find each other by presence", async () => {
    const { alice, bob, seen } = await tapped({ permissions: ["serve:*"], kinds: ["kind-of-alice"], load: () => 4_711 });
    const served = contract({
      name: "contract-of-alice",
      version: 3,
      methods: { member_of_alice: method("member_of_alice"), stream_of_alice: stream("stream_of_alice"), topic_of_alice: topic("topic_of_alice") },
    });
    alice.publishes(served.methods.topic_of_alice, { retain: 2 });
    alice.serve(served, {
      member_of_alice: () => "answer-of-alice",
      async *stream_of_alice(_, { source }) {
        for await (const chunk of source) yield [chunk, "chunk-of-alice"];
        return "output-of-alice";
      },
    });
    await alice.publish(served.methods.topic_of_alice, "event-of-alice");
    const heard: unknown[] = [];
    await bob.subscribe("contract-of-alice.>", (event) => void heard.push(event), { replay: 2, ready: 1 });
    const there = bob.peer({ kind: "kind-of-alice" }, served);
    expect(await there.member_of_alice("input-of-bob")).toBe("answer-of-alice");
    const both = there.stream_of_alice(undefined, { source: ["chunk-of-bob"] });
    for await (const chunk of both) expect(chunk).toEqual(["chunk-of-bob", "chunk-of-alice"]);
    expect(await both.result).toBe("output-of-alice");
    await alice.publish(served.methods.topic_of_alice, "next-of-alice", { headers: { "x-header": "header-of-alice" } });
    await expect.poll(() => heard).toEqual(["event-of-alice", "next-of-alice"]);
    const told = ["event", "next", "kind", "contract", "chunk", "output", "answer", "header"].map((what) => `${what}-of-alice`);
    const secrets = [...told, "topic_of_alice", "member_of_alice", "stream_of_alice", "input-of-bob", "chunk-of-bob", "x-header", "4711"];
    expect(secrets.filter((secret) => shown(seen, secret))).toEqual([]);
    expect(seen.some(({ to }) => to === "presence/_")).toBe(true);
    expect(shown(seen, "inbox/alice/")).toBe(true);
  });

  it("TM-91 shows nothing twice of one message sent twice, but the frame's header", async () => {
    const { alice, bob, seen } = await tapped();
    const payload = new Uint8Array(4_096).fill(7);
    alice.handle("take", () => undefined);
    await bob.request("alice", "take", payload);
    await bob.request("alice", "take", payload);
    const large = seen.filter(({ to, frame }) => to.startsWith("inbox/alice/") && frame[0] === 0x14 && frame.length > payload.length).map(({ frame }) => frame);
    expect(large.length).toBeGreaterThanOrEqual(2);
    const pieces = new Set<string>();
    const repeated: string[] = [];
    for (const frame of large) {
      for (let at = 20; at + 16 <= frame.length; at += 16) {
        const piece = frame.toString("hex", at, at + 16);
        if (pieces.has(piece)) repeated.push(piece);
        pieces.add(piece);
      }
    }
    expect(repeated).toEqual([]);
  });
});
