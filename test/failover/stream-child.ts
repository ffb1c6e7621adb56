// The processes of a soak of streams: a relay that is killed, and two agents that talk through it. Which one, says the first argument.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Agent, createAgent, stream } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";

/** What the agents say of their stream, as it goes on and in the end. */
export type StreamReport =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "progress"; readonly chunks: number }
  | { readonly type: "over"; readonly outcome: StreamOutcome }
  | { readonly type: "failed"; readonly error: string };

export interface StreamOutcome {
  /** What the handler saw of the caller's chunks, and the caller of the handler's. */
  readonly up: Seen;
  readonly down: Seen;
  readonly ms: number;
  /** MB after a collection, every twentieth of the way: both agents together. */
  readonly heap: readonly number[];
  /** How often the caller's transport was lost. */
  readonly losses: number;
  readonly resent: number;
}

export interface Seen {
  readonly chunks: number;
  /** Numbers left out, and numbers that came when a higher one had come. */
  readonly missed: number;
  readonly again: number;
}

const secret = Buffer.from(process.env.SOAK_SECRET ?? "", "base64url");
const everyone = trust.everyoneWithSecret(secret);
const say = (report: StreamReport): void => void process.send?.(report);
const samples = 20;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function heapNow(): number {
  collect();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return (heapUsed + Math.max(external, arrayBuffers)) / 1e6;
}

function counting(): { take(number: unknown): void; readonly seen: Seen } {
  let expected = 0;
  let chunks = 0;
  let missed = 0;
  let again = 0;
  return {
    take(number) {
      chunks++;
      if (typeof number !== "number" || number < expected) again++;
      else {
        missed += number - expected;
        expected = number + 1;
      }
    },
    get seen() {
      return { chunks, missed, again };
    },
  };
}

async function join(id: string, url: string): Promise<{ agent: Agent; losses: () => number }> {
  const identity = await identityFromSecret({ id, secret });
  const transport = await connectWebSocket(url, { identity, reconnect: { minMs: 20, maxMs: 200 } });
  let losses = 0;
  transport.state.subscribe(({ type }) => {
    if (type === "down") losses++;
  });
  return { agent: await createAgent({ identity, trust: everyone, transport, goneAfter: 120_000 }), losses: () => losses };
}

const relay = async (port: number): Promise<void> => {
  const made = await createRelay({ port, trust: everyone });
  say({ type: "ready", port: Number(new URL(made.url).port) });
};

async function agents(url: string, total: number): Promise<void> {
  const alice = await join("alice", url);
  const bob = await join("bob", url);
  const up = counting();
  const down = counting();
  const heap: number[] = [];
  alice.agent.handle(stream("echo"), async function* (_, { source }) {
    for await (const number of source) {
      up.take(number);
      yield number;
    }
    return "whole";
  });
  const began = performance.now();
  function* numbers(): Generator<number> {
    for (let number = 0; number < total; number++) yield number;
  }
  const both = bob.agent.stream("alice", "echo", undefined, { source: numbers() });
  const tell = Math.ceil(total / 1_000);
  const sample = Math.ceil(total / samples);
  let came = 0;
  for await (const number of both) {
    down.take(number);
    if (++came % tell === 0) say({ type: "progress", chunks: came });
    if (came % sample === 0) heap.push(heapNow());
  }
  if ((await both.result) !== "whole") throw new Error("the output is another one");
  const ms = performance.now() - began;
  const resent = [alice, bob].flatMap(({ agent }) => agent.status().links).reduce((sum, { counters }) => sum + counters.cellsResent, 0);
  say({ type: "over", outcome: { up: up.seen, down: down.seen, ms, heap, losses: bob.losses(), resent } });
}

const [role, first = "", second = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit());
const run = role === "relay" ? relay(Number(first)) : agents(first, Number(second));
run.catch((error: unknown) => say({ type: "failed", error: error instanceof Error ? (error.stack ?? error.message) : String(error) }));
