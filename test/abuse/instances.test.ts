import { type Agent, type AgentOptions, createAgent, createAuthority, stream } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterAll, afterEach, expect, test } from "vitest";
import { encodeEnvelope } from "../../packages/core/src/envelope/encode.js";
import { createIds } from "../../packages/core/src/envelope/id.js";
import * as limits from "../../packages/core/src/limits.js";
import type { Link } from "../../packages/core/src/link/link-types.js";
import { insideOf } from "../../packages/core/src/patterns/inside.js";
import { systemRuntime } from "../../packages/core/src/runtime/system.js";
import { pause, within } from "./field.js";

/* One agent of many instances, whose links are honest and whose patterns are not: all of it together gets one share. */

const MiB = 1024 * 1024;
const { text: newId } = createIds(systemRuntime());
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
process.on("unhandledRejection", note);
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  if (unhandled.length > 0) throw new AggregateError(unhandled, "something was left unhandled");
});
afterAll(() => void process.off("unhandledRejection", note));

async function createWorld() {
  const authority = await createAuthority({ issuer: "https://auth.abuse.test" });
  const hub = createHub();
  return async (id: string, options: Partial<AgentOptions> = {}): Promise<Agent> => {
    const identity = await authority.enroll(id);
    const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), presence: false, ...options });
    closers.push(() => agent.close());
    return agent;
  };
}

/** A link of a rogue's to alice, and what it may say of its own on it. */
async function rogueLink(agent: Agent): Promise<{ readonly link: Link; ask(name: string, value: unknown): Promise<unknown> }> {
  await agent.link("alice");
  const { host } = insideOf(agent);
  const [link] = host.links.list("alice") as [Link];
  return { link, ask: (name, value) => host.system.request(link, name, value) };
}

test("TM-62 replays for many instances of one agent that take nothing leave memory for others", async () => {
  const join = await createWorld();
  const alice = await join("alice", { limits: { memoryBudgetBytes: 8 * MiB, messageMaxBytes: 4 * MiB } });
  alice.handle("size", (input) => (input as Uint8Array).length);
  alice.publishes("t", { retain: 1_000 });
  for (let sent = 0; sent < 30; sent++) await alice.publish("t", new Uint8Array(50_000));
  const retained = alice.status().memory.used;
  for (let instance = 0; instance < 10; instance++) {
    const { ask } = await rogueLink(await join("mallory"));
    await ask("subscribe", { id: newId(), pattern: "t", credit: 0, replay: 1_000 });
  }
  const { used, most } = alice.status().memory;
  expect(used - retained).toBeGreaterThan(MiB);
  expect(used).toBeLessThanOrEqual((most + retained) / 2 + 100_000);
  const bob = await join("bob");
  expect(await bob.request("alice", "size", new Uint8Array(MiB))).toBe(MiB);
});

test("TM-160 a stream to a peer that grants all there is and reads nothing holds as much as any other, and the agent has time for others", async () => {
  const join = await createWorld();
  const alice = await join("alice", { limits: { memoryBudgetBytes: 32 * MiB } });
  alice.handle("echo", (input) => input);
  let said = 0;
  alice.handle(stream("pour"), async function* () {
    for (;;) {
      said++;
      yield new Uint8Array(1_000);
    }
  });
  const failures: unknown[] = [];
  alice.onEvent((event) => {
    if (event.type === "handler_failed" || event.type === "link_ended") failures.push(event);
  });
  const bob = await join("bob");
  await bob.request("alice", "echo", 1);
  const mallory = await join("mallory");
  const { link } = await rogueLink(mallory);
  const before = said;
  for (let number = 0; number < 4; number++) {
    const opening = { type: "stream", id: newId(), timestamp: Date.now(), priority: "normal", method: "pour", stream: { number, credit: 2 ** 47 } } as const;
    link.send({ bytes: encodeEnvelope(opening).slice(), lane: 2, intake: true });
  }
  await within(10_000, "the first chunks", () => said > before);
  for (let asked = 0; asked < 20; asked++) expect(await bob.request("alice", "echo", asked)).toBe(asked);
  await pause(50);
  expect(alice.status().memory.used).toBeLessThan(4 * (limits.streamUnsentBytes + 64 * 1024) + 8 * MiB);
  expect(failures).toEqual([]);
});
