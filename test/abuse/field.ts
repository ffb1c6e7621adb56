import { createServer } from "node:http";
import { type Agent, type AgentEvent, type AgentOptions, createAgent, TightbeamError } from "@tightbeam/core";
import { type Authority, createAuthority } from "@tightbeam/core/identity";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay, type Relay, type RelayLimits } from "@tightbeam/websocket/relay";
import { afterAll, expect } from "vitest";
import { createTap, listening, type Tap } from "../../packages/websocket/test/tap.js";

/*
 * Where the abuse happens: a live relay, the honest agents alice and bob behind a tap, and whoever a row lets in. After every row `peace` asks
 * what BAD-INPUTS asks: an honest round trip, nothing acknowledged lost, bounded memory, no rejection unhandled, no secret on the wire.
 */

export interface Field {
  readonly authority: Authority;
  readonly relay: Relay;
  readonly tap: Tap;
  readonly alice: Agent;
  readonly bob: Agent;
  /** What alice was told, since the last `peace`. */
  readonly events: AgentEvent[];
  /** An agent through the tap, closed with the field. */
  join(id: string, options?: Partial<AgentOptions>): Promise<Agent>;
  closeLater(close: () => unknown): void;
  /** Honest traffic, bob to alice, as long as a row runs. Returns what stops it and tells how many were confirmed. */
  traffic(): () => Promise<number>;
  /** Throws unless everything is as it was. */
  peace(): Promise<void>;
  close(): Promise<void>;
}

/** Marks of what only the two agents may read. */
export const secret = { payload: "payload-that-is-secret", method: "honest.method-that-is-secret", stack: "at honestHandler (" } as const;

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
process.on("unhandledRejection", note);
process.on("uncaughtExceptionMonitor", note);
afterAll(() => {
  if (unhandled.length > 0) throw new AggregateError(unhandled, "something was left unhandled");
});

/** A guard against hanging, not a measurement: a shared machine may stand still for seconds. */
const guardMs = 10_000;

export async function createField(options: { readonly limits?: Partial<RelayLimits>; readonly alice?: Partial<AgentOptions> } = {}): Promise<Field> {
  const authority = await createAuthority({ issuer: "https://auth.abuse.test" });
  const server = createServer();
  const relayPort = await listening(server);
  const tap = await createTap(() => `ws://127.0.0.1:${relayPort}/`);
  const origins = [tap.origin, `ws://127.0.0.1:${relayPort}`];
  const relay = await createRelay({ server, trust: authority.trust(), origins, ...(options.limits === undefined ? {} : { limits: options.limits }) });
  const closers: (() => unknown)[] = [];
  for (const text of Object.values(secret)) tap.secrets.add(text);

  const join: Field["join"] = async (id, agentOptions = {}) => {
    const identity = await authority.enroll(id);
    closers.push(() => identity.close());
    const transport = await connectWebSocket(tap.url, { identity, reconnect: { minMs: 5, maxMs: 50 } });
    const agent = await createAgent({ identity, trust: authority.trust(), transport, ...agentOptions });
    closers.push(() => agent.close());
    return agent;
  };

  const alice = await join("alice", options.alice);
  const bob = await join("bob");
  const events: AgentEvent[] = [];
  alice.onEvent((event) => events.push(event));
  const ledger = new Set<number>();
  let doubled = 0;
  alice.handle(secret.method, function honestHandler(input) {
    return { echo: input };
  });
  alice.handle("fails", function honestHandler() {
    throw new Error(secret.payload);
  });
  alice.handle("ledger", (input) => {
    if (ledger.has(input as number)) doubled++;
    ledger.add(input as number);
  });
  bob.handle(secret.method, (input) => ({ echo: input }));
  let next = 0;
  await Promise.all([bob.link("alice"), alice.link("bob")]);

  const field: Field = {
    authority,
    relay,
    tap,
    alice,
    bob,
    events,
    join,
    closeLater: (close) => void closers.push(close),
    traffic() {
      let stopped = false;
      const confirmed: number[] = [];
      const run = async (): Promise<void> => {
        while (!stopped) {
          const entry = next++;
          await bob.notify("alice", "ledger", entry, { confirm: "received", timeout: 60_000 });
          confirmed.push(entry);
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const running = Promise.all([run(), run(), run()]);
      running.catch(() => undefined);
      return async () => {
        stopped = true;
        await running;
        await within(guardMs, "every confirmed message was handled", () => confirmed.every((entry) => ledger.has(entry)));
        expect(doubled).toBe(0);
        return confirmed.length;
      };
    },
    async peace() {
      const payload = { text: secret.payload, at: next };
      const trip = await Promise.race([
        Promise.all([bob.request("alice", secret.method, payload, { timeout: guardMs }), alice.request("bob", secret.method, payload, { timeout: guardMs })]),
        pause(guardMs).then(() => "no round trip"),
      ]);
      expect(trip).toEqual([{ echo: payload }, { echo: payload }]);
      const failed = await failure(bob.request("alice", "fails"));
      expect([failed.code, failed.message.includes(secret.payload)]).toEqual(["handler_failed", false]);
      expect(Object.prototype).not.toHaveProperty("polluted");
      const { used } = alice.status().memory;
      expect(used).toBeLessThan(1024 * 1024);
      expect([...tap.seen]).toEqual([]);
      expect(unhandled).toEqual([]);
      events.length = 0;
    },
    async close() {
      tap.meddle = ({ bytes }) => [bytes];
      for (const close of closers.splice(0).reverse()) await close();
      await relay.close();
      await tap.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return field;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks again until it holds. */
export async function within(ms: number, what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await pause(2);
  }
}

/** The typed error a promise rejects with; anything else fails the test. */
export async function failure(promise: Promise<unknown>): Promise<TightbeamError> {
  const error = await promise.then(
    () => new Error("it was expected to fail"),
    (reason: unknown) => reason,
  );
  if (error instanceof TightbeamError) return error;
  throw error;
}

/** What is on the heap after a full collection. */
export async function heap(): Promise<number> {
  const { setFlagsFromString } = await import("node:v8");
  const { runInNewContext } = await import("node:vm");
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
