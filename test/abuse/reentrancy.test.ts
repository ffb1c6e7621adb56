import { type Agent, type AgentOptions, createAgent, createAuthority, stream } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { afterAll, expect, test } from "vitest";
import { pause } from "./field.js";

/* What an application does from within whatever it is called by: everything settles, nothing is left behind, and nothing is left unhandled. */

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
process.on("unhandledRejection", note);
afterAll(() => void process.off("unhandledRejection", note));

const places = ["request", "stream", "event", "signal", "middleware", "onEvent", "onEnvelope", "policy", "chunk", "source"] as const;
type Place = (typeof places)[number];
const nobody = (): undefined => undefined;

const deeds: Record<string, (alice: Agent) => unknown> = {
  closes: (alice) => alice.close(),
  drains: (alice) => alice.close({ drain: 50 }),
  publishes: (alice) => alice.publish("t", 2),
  subscribes: (alice) => alice.subscribe(">", nobody).then(({ unsubscribe }) => unsubscribe()),
  "ends its links": (alice) => alice.links().map((link) => link.close()),
  asks: (alice) => alice.request("bob", "work", 1, { timeout: 200 }),
  "opens a stream and leaves it": (alice) => alice.stream("bob", "pour", 1).cancel(),
  throws: () => {
    throw new Error("thrown by the application");
  },
};

const guarded = <T>(promise: Promise<T>, what: string): Promise<T> =>
  Promise.race([
    promise,
    pause(10_000).then(() => {
      throw new Error(`${what} did not settle`);
    }),
  ]);

/** What alice holds when everything is over. */
async function run(place: Place, deed: (alice: Agent) => unknown): Promise<number> {
  const authority = await createAuthority({ issuer: "https://auth.abuse.test" });
  const hub = createHub();
  let armed = false;
  const at = (here: Place): void => {
    if (!armed || here !== place) return;
    armed = false;
    const doing = deed(alice);
    if (doing instanceof Promise) doing.catch(nobody);
  };
  const join = async (id: string, options: Partial<AgentOptions> = {}): Promise<Agent> =>
    createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), presence: false, ...options });
  const alice = await join("alice", {
    policy: () => {
      at("policy");
      return true;
    },
  });
  const bob = await join("bob");
  for (const agent of [alice, bob]) {
    const here = (where: Place): void => (agent === alice ? at(where) : undefined);
    agent.handle("work", (_, { signal }) => {
      here("request");
      // What an abort listener throws is the platform's to report, as for every AbortSignal.
      signal.addEventListener("abort", () => deed !== deeds.throws && here("signal"));
      return pause(20);
    });
    agent.handle(stream("pour"), async function* () {
      for (let chunk = 0; chunk < 5; chunk++) {
        here("chunk");
        yield chunk;
      }
    });
    agent.handle(stream("take"), async (_, { source }) => {
      here("stream");
      for await (const _chunk of source) here("source");
      return 1;
    });
    agent.publishes("t");
  }
  alice.use((_, next) => {
    at("middleware");
    return next();
  });
  alice.onEvent(() => at("onEvent"));
  alice.onEnvelope(() => at("onEnvelope"));
  await Promise.all([bob.subscribe("t", nobody, { ready: 1, from: ["alice"] }), alice.subscribe("t", () => at("event"), { ready: 1, from: ["bob"] })]);
  armed = true;
  const abort = new AbortController();
  const read = async (): Promise<void> => {
    for await (const _ of bob.stream("alice", "pour", 1, { timeout: 1_000 }));
  };
  const write = async (): Promise<unknown> => {
    const taking = bob.stream("alice", "take", 1, { timeout: 1_000 });
    for (const chunk of [1, 2]) await taking.write(chunk);
    await taking.end();
    return taking.result;
  };
  const all = [
    bob.request("alice", "work", 1, { timeout: 1_000 }),
    bob.request("alice", "work", 1, { timeout: 1_000, signal: abort.signal }),
    bob.request("alice", "nothing", 1, { timeout: 1_000 }),
    bob.publish("t", 1),
    alice.publish("t", 1),
    read(),
    write(),
  ];
  setTimeout(() => abort.abort(), 5);
  await guarded(Promise.allSettled(all), `what was asked while ${place}`);
  await guarded(Promise.all([alice.close(), bob.close()]), `the end after ${place}`);
  return alice.status().memory.used;
}

test.each(Object.entries(deeds))("an application that %s from within its callbacks leaves nothing behind", async (_, deed) => {
  const held = await Promise.all(places.map(async (place) => [place, await run(place, deed)]));
  await pause(20);
  expect([held, unhandled]).toEqual([places.map((place) => [place, 0]), []]);
});
