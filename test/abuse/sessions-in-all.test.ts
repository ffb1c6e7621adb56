import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { expect, onTestFinished, test, vi } from "vitest";
import type * as limits from "../../packages/core/src/limits.js";
import { failure, within } from "./field.js";

const real = vi.hoisted(() => ({ sessions: 0 }));
vi.mock("../../packages/core/src/limits.js", async (original) => {
  const all = await original<typeof limits>();
  real.sessions = all.sessions;
  return { ...all, sessions: 5 };
});

test("TM-62 sessions of all agents together are bounded: whoever comes too many is not answered, those who are in go on, and a place that is free is taken", async () => {
  expect(real.sessions).toBe(10_000);
  const authority = await createAuthority();
  const hub = createHub();
  const agents: Agent[] = [];
  onTestFinished(() => Promise.all(agents.map((agent) => agent.close())).then(() => undefined));
  const join = async (id: string): Promise<Agent> => {
    const agent = await createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), presence: false });
    agents.push(agent);
    return agent;
  };
  const alice = await join("alice");
  alice.handle("echo", (input) => input);
  const inside = await Promise.all(Array.from({ length: 5 }, (_, index) => join(`bob-${index}`)));
  for (const [index, bob] of inside.entries()) expect(await bob.request("alice", "echo", index)).toBe(index);
  const late = await join("late");
  const refused = await failure(late.request("alice", "echo", 1, { timeout: 700 }));
  expect(refused.code).toBe("handshake_failed");
  expect(alice.links()).toHaveLength(5);
  expect(alice.status().handshakes.refused.overloaded).toBeGreaterThan(0);
  for (const [index, bob] of inside.entries()) expect(await bob.request("alice", "echo", 10 + index)).toBe(10 + index);
  await inside[0]?.close();
  await within(10_000, "a place", () => alice.links().length === 4);
  await expect.poll(() => late.request("alice", "echo", 2, { timeout: 2_000 }).catch(() => undefined), { timeout: 20_000 }).toBe(2);
});
