// The built packages on whatever runtime this is (Node, Bun, Deno): every entry loads, and two agents talk over memory.
import assert from "node:assert/strict";
import { createAgent, createAuthority, method } from "@tightbeam/core";
import * as identity from "@tightbeam/core/identity";
import * as noise from "@tightbeam/core/noise";
import * as runtime from "@tightbeam/core/runtime";
import * as transport from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import * as websocket from "@tightbeam/websocket";
import { z } from "zod";

for (const [name, entry] of Object.entries({ identity, noise, runtime, transport, websocket })) {
  assert.ok(Object.keys(entry).length > 0, `@tightbeam entry ${name} exports nothing`);
}

const authority = await createAuthority({ issuer: "https://auth.example" });
const trust = authority.trust();
const hub = createHub();
const alice = await createAgent({ identity: await authority.enroll("alice"), trust, transport: await connectMemory(hub) });
const bob = await createAgent({ identity: await authority.enroll("bob"), trust, transport: await connectMemory(hub) });

const double = method("double", { input: z.object({ value: z.number() }), output: z.object({ value: z.number() }) });
alice.handle(double, async ({ value }) => ({ value: value * 2 }));
const replies = await Promise.all(Array.from({ length: 100 }, (_, value) => bob.request("alice", double, { value })));
assert.deepEqual(
  replies.map(({ value }) => value),
  Array.from({ length: 100 }, (_, value) => value * 2),
);
await assert.rejects(bob.request("alice", "nobody-handles-this", {}), { code: "no_handler" });

await bob.close();
await alice.close();
console.log("smoke: every entry loads, 100 requests answered, an unknown method refused");
