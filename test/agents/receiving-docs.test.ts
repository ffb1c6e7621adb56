import { readFileSync } from "node:fs";
import { type Agent, type AgentOptions, createAgent, createAuthority, type Policy, TightbeamError } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterEach, expect, test } from "vitest";
import { failure } from "./settling.js";

const authority = await createAuthority();
const hub = createHub();
const agents: Agent[] = [];

afterEach(async () => {
  for (const agent of agents) await agent.close();
  hub.close();
});

async function join(id: string, permissions: readonly string[] = [], options: Partial<AgentOptions> = {}): Promise<Agent> {
  const identity = await authority.enroll(id, { permissions });
  const agent = await createAgent({ identity, trust: authority.trust(), transport: await connectMemory(hub), ...options });
  agents.push(agent);
  return agent;
}

test("docs/receiving.md: its examples do what they say", async () => {
  const log: string[] = [];
  {
    const alice = await join("alice", [], { policy: "token" });
    const bob = await join("bob", ["call:summarize", "subscribe:*"]);
    alice.handle("summarize", () => "short");
    alice.handle("other", () => "long");
    expect(await bob.request("alice", "summarize", null)).toBe("short");
    expect((await failure(bob.request("alice", "other", null))).code).toBe("forbidden");
    await Promise.all([alice.close(), bob.close()]);
  }
  const alice = await join("alice");
  const bob = await join("bob");
  const remove = alice.use(async (call, next) => {
    if (call.kind === "request" && call.headers["x-tenant"] !== "blue") throw new TightbeamError("forbidden", "Say which tenant.");
    const begun = performance.now();
    try {
      return await next();
    } finally {
      log.push(`${call.priority} ${call.name} of ${call.peer.id}: ${Math.round(performance.now() - begun)} ms`);
    }
  });
  alice.handle("work", () => "done");
  expect((await failure(bob.request("alice", "work", null))).message).toBe("Say which tenant.");
  expect(await bob.request("alice", "work", null, { headers: { "x-tenant": "blue" } })).toBe("done");
  expect(log).toEqual([expect.stringMatching(/^normal work of bob: \d+ ms$/)]);
  remove();
  alice.fallback((_, { method }) => ({ unknown: method }));
  expect(await bob.request("alice", "nothing", 1)).toEqual({ unknown: "nothing" });

  const policy: Policy = (peer, permission) => peer.id.startsWith("acme/") && permission.startsWith("call:report");
  const guarded = await join("guarded", [], { policy });
  const insider = await join("acme/bob");
  guarded.handle("report.daily", () => "fine");
  expect(await insider.request("guarded", "report.daily", null)).toBe("fine");
  expect((await failure(insider.request("guarded", "other", null))).code).toBe("forbidden");
  expect((await failure(bob.request("guarded", "report.daily", null))).code).toBe("forbidden");

  const busy = await join("busy", [], { limits: { running: 16, queued: 1_000 } });
  const careful = await join("careful", [], { limits: { rate: { perSecond: 50, burst: 100 } } });
  for (const agent of [busy, careful]) agent.handle("work", () => "done");
  expect(await Promise.all([bob.request("busy", "work", null), bob.request("careful", "work", null)])).toEqual(["done", "done"]);

  const squeeze = (text: string): string => text.replaceAll(/\s+/g, " ");
  const here = squeeze(readFileSync(import.meta.filename, "utf8"));
  const page = readFileSync(`${import.meta.dirname}/../../docs/receiving.md`, "utf8");
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => squeeze(code).trim());
  expect(blocks.length).toBeGreaterThan(4);
  for (const block of blocks) expect(here).toContain(block);
});
