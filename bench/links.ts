/** Handshakes with tokens, and idle links: both sides in one process, over memory. Its last line is the result as JSON. */
import { connectMemory, createHub } from "@tightbeam/memory";
import type * as CryptoModule from "../packages/core/src/crypto/index.js";
import type * as CoreModule from "../packages/core/src/index.js";
import type * as LinksModule from "../packages/core/src/link/links.js";
import type { Links } from "../packages/core/src/link/links-types.js";
import type * as SuitesModule from "../packages/core/src/secure/suites.js";
import type * as TransportModule from "../packages/core/src/transport/index.js";

/** What an agent makes its links with: only here can a suite be chosen that agents would not choose themselves. This file runs as bench/dist/links.js. */
const built = (path: string): string => new URL(`../../packages/core/dist/${path}`, import.meta.url).href;
// From here too: the package's own entry would bring these parts a second time, as other code for the engine to compile.
const { createAuthority } = (await import(built("index.js"))) as typeof CoreModule;
const { randomInstance, systemRuntime } = (await import(built("transport/index.js"))) as typeof TransportModule;
const { createLinks } = (await import(built("link/links.js"))) as typeof LinksModule;
const { loadKem } = (await import(built("crypto/index.js"))) as typeof CryptoModule;
const { hybridSuite, classicalSuite } = (await import(built("secure/suites.js"))) as typeof SuitesModule;

const [suite = "hybrid", size = "200", idle = "0"] = process.argv.slice(2);
const total = Number(size);
const together = 16;
const warmUp = 1_000;
const system = systemRuntime();
/** `script`: who draws all randomness itself, as simulations do, is given ML-KEM in JavaScript. */
const runtime = suite === "script" ? { ...system, random: { bytes: system.random.bytes } } : system;
const authority = await createAuthority({ issuer: "https://auth.example" });
const hub = createHub();

/** An agent that has its token: issuing it is the authority's work. Nothing is shared with other agents that would not be shared between processes. */
async function join(id: string): Promise<Links> {
  const identity = await authority.enroll(id);
  await identity.token();
  const instance = randomInstance(runtime.random);
  return createLinks({
    runtime,
    transport: await connectMemory(hub),
    identity,
    trust: authority.trust(),
    instance,
    suites: [suite === "classical" ? classicalSuite : hybridSuite],
    announced: { maxMessageBytes: 64 * 1024 * 1024, intakeCount: 4_096, intakeBytes: 16 * 1024 * 1024 },
    goneAfterMs: 30_000,
    memoryBudgetBytes: 256 * 1024 * 1024,
    taps: { link: undefined },
    onDelivery: () => undefined,
    onEvent: () => undefined,
  });
}

/** Heap and array buffers that are in use after collections. */
async function used(): Promise<number> {
  for (let pass = 0; pass < 4; pass++) {
    await pause(20);
    (globalThis as { gc?: () => void }).gc?.();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Every one once, `inFlight` at a time: no handshake profits from an earlier one with the same peer. */
async function dial(all: readonly Links[], inFlight: number): Promise<number> {
  const waiting = [...all];
  const began = performance.now();
  const worker = async (): Promise<void> => {
    for (let links = waiting.pop(); links !== undefined; links = waiting.pop()) await links.connect({ id: "server" }, { timeout: 30_000 });
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return (all.length / (performance.now() - began)) * 1_000;
}

const server = await join("server");
let count = 0;
const joined = async (most: number): Promise<Links[]> => {
  const all: Links[] = [];
  while (all.length < most) all.push(await join(`agent-${count++}`));
  return all;
};
// A server's rate, not a script's: what runs once a handshake is compiled after some hundreds, as the other rows have thousands of messages before them.
const warmingUp = await joined(warmUp);
await dial(warmingUp, 1);
for (const links of warmingUp) await links.close();
const alone = await dial(await joined(total), 1);
const rest = await joined(total);
// A handshake's own caches go with time (30 s), not with the link: they must be gone on both sides of the difference.
const cachesMs = Number(idle) > 0 ? 31_000 : 0;
await pause(cachesMs);
const before = await used();
const rate = await dial(rest, together);
await pause(cachesMs);
const idleBytes = cachesMs === 0 ? undefined : ((await used()) - before) / total / 2;
const kem = (await loadKem({ deterministic: suite === "script" })).name;
process.stdout.write(`\n${JSON.stringify({ suite: server.list()[0]?.status().suite, kem, alone, together: rate, idleBytes })}\n`);
process.exit();
