import { type Agent, type AgentOptions, createAgent, createAuthority } from "@tightbeam/core";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import type { Transport } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { describe, expect, it } from "vitest";
import { during, loadParts, promptKey } from "./clock.js";

// What is loaded late is loaded here: virtual time does not wait for a disk.
await loadParts();
await import("../../packages/core/src/patterns/presence/station.js");
await import("../../packages/core/src/patterns/peers/route.js");

/** Agents of one hub in virtual time; what one of them sends and hears can be cut off without a word. */
async function createPlace(seed: number) {
  const runtime = createVirtualRuntime({ seed });
  const authority = await createAuthority({ issuer: "https://auth.example", runtime, key: await promptKey() });
  const hub = createHub({ runtime });
  const dead = new Set<string>();
  const sent: { readonly id: string; readonly to: string; readonly at: number }[] = [];
  const agents: Agent[] = [];
  return {
    runtime,
    dead,
    sent,
    async join(id: string, options: Partial<AgentOptions> = {}): Promise<Agent> {
      const medium = await connectMemory(hub);
      const transport: Transport = {
        capabilities: medium.capabilities,
        state: medium.state,
        closed: medium.closed,
        close: medium.close,
        async send(to, frame) {
          sent.push({ id, to, at: runtime.now });
          if (!dead.has(id)) await medium.send(to, frame);
        },
        subscribe: (at, receive, group) => medium.subscribe(at, (frame) => (dead.has(id) ? undefined : receive(frame)), group),
      };
      const identity = await authority.enroll(id, { key: await promptKey(), permissions: ["serve:worker"] });
      const agent = await createAgent({ identity, trust: authority.trust(), transport, runtime, ...options });
      agents.push(agent);
      return agent;
    },
    async close() {
      for (const agent of agents) await during(runtime, agent.close());
      hub.close();
    },
  };
}

describe("presence in virtual time", () => {
  it("agents repeat hints every 10 s and stay known; one that dies without a word is gone after three missed hints", async () => {
    const place = await createPlace(1);
    const { runtime, sent } = place;
    const worker = await place.join("worker", { kinds: ["worker"], goneAfter: 600_000 });
    worker.handle("work", () => "done");
    const seeker = await place.join("seeker", { goneAfter: 600_000 });
    const seen: string[] = [];
    seeker.onPeer(({ type, peer }) => void seen.push(`${type} ${peer.id}`));
    await runtime.advance(2_000);
    expect(seen).toEqual(["up worker"]);
    const from = runtime.now;
    await runtime.advance(600_000);
    const hints = sent.filter(({ id, to, at }) => id === "worker" && to === "presence/_" && at > from);
    expect(hints.length).toBeGreaterThan(54);
    expect(hints.length).toBeLessThan(67);
    expect(seen).toEqual(["up worker"]);
    expect(seeker.peers({ kind: "worker" })).toHaveLength(1);

    place.dead.add("worker");
    const died = runtime.now;
    await runtime.advance(24_000);
    expect(seen).toEqual(["up worker"]);
    while (seen.length === 1 && runtime.now - died < 120_000) await runtime.advance(500);
    expect(seen).toEqual(["up worker", "gone worker"]);
    // Three intervals and a half, and one more in which it is asked.
    expect(runtime.now - died).toBeLessThan(52_000);
    expect(seeker.peers({ kind: "worker" })).toEqual([]);
    const code = await during(
      runtime,
      seeker.request({ kind: "worker" }, "work", 1, { timeout: 1_000 }).catch(({ code }) => code),
    );
    expect(code).toBe("no_answer");

    place.dead.delete("worker");
    await runtime.advance(15_000);
    expect(seen.at(-1)).toBe("up worker");
    expect(await during(runtime, seeker.request({ kind: "worker" }, "work", 1, { timeout: 5_000 }))).toBe("done");
    await place.close();
  }, 60_000);

  it("30 agents that look and serve make the links they need, once each, and no hint storm", async () => {
    const place = await createPlace(2);
    const { runtime, sent } = place;
    const seekers: Agent[] = [];
    for (let n = 0; n < 25; n++) await place.join(`worker-${n}`, { kinds: ["worker"] });
    for (let n = 0; n < 5; n++) seekers.push(await place.join(`seeker-${n}`));
    for (const seeker of seekers) seeker.peers();
    await runtime.advance(15_000);
    for (const seeker of seekers) expect(seeker.peers({ kind: "worker" })).toHaveLength(25);
    const dials = [...seekers].reduce((sum, agent) => sum + agent.status().presence.counters.dials, 0);
    expect(dials).toBeLessThanOrEqual(125);
    const hints = sent.filter(({ to }) => to === "presence/_").length;
    expect(hints).toBeLessThan(30 * 5);
    await place.close();
  }, 60_000);
});
