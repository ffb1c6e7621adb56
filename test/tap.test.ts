import { type Agent, createAgent, createAuthority, type Identity, TightbeamError } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterEach, describe, expect, it } from "vitest";

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close();
});

/** Two agents, every frame between them, and every token they showed. */
async function tapped() {
  const authority = await createAuthority({ issuer: "https://auth.example" });
  const hub = createHub();
  const seen: { readonly to: string; readonly frame: Buffer }[] = [];
  hub.tap((to, frame) => seen.push({ to, frame: Buffer.from(frame) }));
  const tokens = new Set<string>();
  const join = async (id: string): Promise<Agent> => {
    const enrolled = await authority.enroll(id);
    const identity: Identity = {
      id: enrolled.id,
      key: enrolled.key,
      async token(audience) {
        const token = await enrolled.token(audience);
        tokens.add(token);
        return token;
      },
    };
    const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub) });
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
