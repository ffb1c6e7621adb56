// The built packages on whatever runtime this is (Node, Bun, Deno): every entry loads, and two agents talk over memory, and over WebSocket through a relay
// that runs on Node (`TIGHTBEAM_NODE`, default `node`), is killed and started again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
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

const hybridSuite = 0x0101;
const requests = 200;
const large = Uint8Array.from({ length: 1024 * 1024 }, (_, at) => (at * 7) % 251);
const sameBytes = (a, b) => a instanceof Uint8Array && a.length === b.length && a.every((byte, at) => byte === b[at]);
const double = method("double", { input: z.object({ value: z.number() }), output: z.object({ value: z.number() }) });

const authority = await createAuthority({ issuer: "https://auth.example" });
const stranger = await createAuthority({ issuer: authority.issuer });

/** What two agents do with each other on any runtime and medium. `interrupt` breaks the medium and mends it. */
async function talk(name, connect, interrupt) {
  const started = performance.now();
  const agents = [];
  const join = async (id, by = authority, alg = "EdDSA") => {
    const enrolled = await by.enroll(id, { alg });
    // The authority of the medium lets everybody in; whom an agent believes is its own business.
    const agent = await createAgent({ identity: enrolled, trust: authority.trust(), transport: await connect(await authority.enroll(id)) });
    agents.push(agent);
    return agent;
  };
  const alice = await join("alice");
  const bob = await join("bob", authority, "ES256");
  let ran = 0;
  alice.handle(double, async ({ value }) => {
    ran += 1;
    return { value: value * 2 };
  });
  bob.handle("echo", (input) => input);

  const handshake = performance.now();
  const link = await bob.link("alice");
  const handshakeMs = performance.now() - handshake;
  assert.equal(link.status().suite, hybridSuite);

  const ask = (count) => Promise.all(Array.from({ length: count }, (_, value) => bob.request("alice", double, { value }, { timeout: 30_000 })));
  const doubled = (count) => Array.from({ length: count }, (_, value) => ({ value: value * 2 }));
  assert.deepEqual(await ask(requests), doubled(requests));
  assert.equal(ran, requests, "every request ran once");
  assert.ok(sameBytes(await alice.request("bob", "echo", large, { timeout: 30_000 }), large), "1 MiB comes back as it was");
  await assert.rejects(bob.request("alice", "nobody-handles-this", {}), { code: "no_handler" });

  if (interrupt !== undefined) {
    // Half are under way when the medium breaks, half are asked while it is broken.
    const before = ask(requests / 2);
    const repaired = interrupt();
    const after = ask(requests / 2);
    await repaired;
    assert.deepEqual(await before, doubled(requests / 2));
    assert.deepEqual(await after, doubled(requests / 2));
    assert.equal(ran, 2 * requests, "every request ran once, over the broken medium too");
    assert.deepEqual(bob.links("alice"), [link], "the link outlived its connection");
  }

  const mallory = await join("mallory", stranger);
  await assert.rejects(mallory.request("alice", double, { value: 1 }, { timeout: 800 }), { code: "handshake_failed" });
  assert.equal(alice.links("mallory").length, 0, "a token of another authority is refused");
  for (const agent of agents) await agent.close();
  console.log(`smoke ${name}: ${ran} requests once each, handshake ${handshakeMs.toFixed(0)} ms, ${(performance.now() - started).toFixed(0)} ms in all`);
}

const hub = createHub();
await talk("memory", () => connectMemory(hub));

/** Resolves when the relay says where it listens. */
async function startRelay(port = "0") {
  const relay = fileURLToPath(new URL("relay.mjs", import.meta.url));
  const child = spawn(process.env.TIGHTBEAM_NODE || "node", [relay, port, authority.issuer, JSON.stringify(authority.jwks())], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = await Promise.race([
    new Promise((resolve) => child.stdout.once("data", (line) => resolve(String(line).trim()))),
    ended.then((code) => assert.fail(`the relay ended with ${code}`)),
  ]);
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  return { url, kill };
}

let relay = await startRelay();
const { url } = relay;
try {
  const reconnect = { minMs: 20, maxMs: 200 };
  await talk(
    "websocket",
    (login) => websocket.connectWebSocket(url, { identity: login, reconnect }),
    async () => {
      await relay.kill();
      relay = await startRelay(new URL(url).port);
    },
  );
  const forged = websocket.connectWebSocket(url, { identity: await stranger.enroll("mallory") });
  await assert.rejects(forged, { code: "denied" });
} finally {
  await relay.kill();
}
console.log(`smoke: passed on ${globalThis.Bun ? `Bun ${Bun.version}` : globalThis.Deno ? `Deno ${Deno.version.deno}` : `Node ${process.versions.node}`}`);
