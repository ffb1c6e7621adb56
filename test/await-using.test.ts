import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { injectFaults } from "../packages/conformance/src/index.js";
import { type AwaitUsing, awaitUsing } from "../packages/core/src/disposable.js";
import { type Agent, createAgent, createAuthority } from "../packages/core/src/index.js";
import { createPerformanceMonitor, createTraceStore, type PerformanceMonitor, type TraceStore } from "../packages/core/src/observability/index.js";
import { connectThrough } from "../packages/core/src/patterns/via/index.js";
import { systemRuntime } from "../packages/core/src/runtime/index.js";
import { createMemoryStore, openState, type State } from "../packages/core/src/store/index.js";
import type { Store } from "../packages/core/src/store/types.js";
import type { Transport } from "../packages/core/src/transport/index.js";
import { type Inspector, inspect } from "../packages/inspector/src/index.js";
import { connectMemory, createHub } from "../packages/memory/src/index.js";
import { connectNats, tapNats } from "../packages/nats/src/index.js";
import { openNatsStore } from "../packages/nats/src/store/index.js";
import { withNatsServer } from "../packages/nats/test/broker.js";
import { client, jetStreamBroker } from "../packages/nats/test/store/fixture.js";
import { openLmdbStore } from "../packages/store-lmdb/src/index.js";
import { connectWebSocket } from "../packages/websocket/src/index.js";
import { createRelay, type MonitoringServer, type Relay, serveMonitoring } from "../packages/websocket/src/relay/index.js";

const folder = mkdtempSync(join(tmpdir(), "tightbeam-using-"));
const authority = await createAuthority();
const trust = authority.trust();
const hub = createHub();
const relay = await createRelay({ port: 0, trust });
const agentOf = async (id: string, transport: Transport): Promise<Agent> => createAgent({ identity: await authority.enroll(id), trust, transport });
const alice = await agentOf("alice", await connectMemory(hub));
await alice.forward();
const bob = await agentOf("bob", await connectMemory(hub));

afterAll(async () => {
  await Promise.all([alice.close(), bob.close(), relay.close()]);
  hub.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What there is of a thing that is open, and whether it is not any more. */
interface Case<T extends AwaitUsing> {
  make(): T | Promise<T>;
  isOver(thing: T): unknown;
}

const rejects = (promise: Promise<unknown>): Promise<boolean> =>
  promise.then(
    () => false,
    () => true,
  );
const transport = (make: () => Promise<Transport & AwaitUsing>): Case<Transport & AwaitUsing> => ({
  make,
  isOver: async ({ closed, state }) =>
    state.current === "down" && (await Promise.race([closed, new Promise((wait) => setTimeout(wait, 1, false))])) === undefined,
});
const store = (make: () => (Store & AwaitUsing) | Promise<Store & AwaitUsing>): Case<Store & AwaitUsing> => ({
  make,
  isOver: ({ get }) => rejects(get("key")),
});
const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );
const gone = (url: string): Promise<boolean> => answers(url).then((answered) => !answered);

async function tryOut({ make, isOver }: Case<AwaitUsing>): Promise<void> {
  let kept: AwaitUsing;
  {
    await using thing = await make();
    kept = thing;
    expect(await isOver(thing)).toBe(false);
  }
  expect(await isOver(kept)).toBe(true);
}

describe("`await using` closes", () => {
  it.each(
    Object.entries<Case<AwaitUsing>>({
      "an agent": { make: async () => agentOf("carol", await connectMemory(hub)), isOver: ({ status }: Agent) => status().transport === "closed" },
      "a transport in memory": transport(() => connectMemory(hub)),
      "a transport over a relay": transport(async () => connectWebSocket(relay.url, { identity: await authority.enroll("dave") })),
      "a transport of a relay in this process": transport(async () => relay.connect({ identity: await authority.enroll("dave") })),
      "a transport through an agent": transport(() => connectThrough(bob, "alice")),
      "a transport with faults": transport(async () => injectFaults(await connectMemory(hub), { seed: 1 })),
      "a hub": { make: createHub, isOver: (one: ReturnType<typeof createHub>) => rejects(connectMemory(one).then(({ close }) => close())) },
      "a relay": { make: () => createRelay({ port: 0, trust }), isOver: ({ port }: Relay) => gone(`http://127.0.0.1:${port}/`) },
      "a server for monitoring": { make: () => serveMonitoring({ port: 0, agents: [alice] }), isOver: ({ url }: MonitoringServer) => gone(`${url}/health`) },
      "an inspector": { make: () => inspect(alice), isOver: ({ url }: Inspector) => gone(new URL("/", url).href) },
      "a store in memory": store(createMemoryStore),
      "a store on disk": store(() => openLmdbStore({ path: join(folder, "store") })),
      "the state over a store": {
        make: () => openState({ store: createMemoryStore(), runtime: systemRuntime(), owner: "alice" }),
        isOver: ({ get }: State) => rejects(get("key")),
      },
      "a trace store": { make: () => createTraceStore(), isOver: ({ watch }: TraceStore) => rejects((async () => watch(alice)())()) },
      "a monitor": {
        make: () => createPerformanceMonitor(),
        isOver: ({ watch }: PerformanceMonitor) => rejects((async () => watch(alice)())()),
      },
    }),
  )("%s", (_, each) => tryOut(each));

  it("an identity: it renews no more", async () => {
    const close = vi.fn();
    const identity = await authority.enroll("dave");
    {
      await using copy = { ...identity, close };
      expect(copy.id).toBe("dave");
    }
    expect(close).toHaveBeenCalledOnce();
  });

  withNatsServer("things on NATS", () => {
    it("things on NATS", async () => {
      const broker = await jetStreamBroker();
      const connection = await client(broker);
      await tryOut(transport(() => connectNats({ servers: broker.url })));
      await tryOut(store(() => openNatsStore({ connection, name: "alice", create: true })));
      const hear = () => undefined;
      const tap = await tapNats({ servers: broker.url }, hear, hear);
      await tap[Symbol.asyncDispose]();
    });
  });
});

describe("what `await using` closes", () => {
  it("closes as its copies do", async () => {
    const calls: string[] = [];
    const inner = awaitUsing<AwaitUsing & { close(): void }>({ close: () => void calls.push("inner") });
    {
      await using outer = { ...inner, close: () => void calls.push("outer") };
      void outer;
    }
    expect(calls).toEqual(["outer"]);
  });

  it("is as it was on a platform without the symbol", () => {
    const thing = { close: () => undefined };
    vi.stubGlobal("Symbol", { ...Symbol, asyncDispose: undefined });
    try {
      expect(awaitUsing<never>(thing as never)).toBe(thing);
    } finally {
      vi.unstubAllGlobals();
    }
    expect(Reflect.ownKeys(thing)).toEqual(["close"]);
  });
});
