// One of two agents with a store on disk: one that keeps sending durable messages, and one that adds up what comes. Each may be killed at any instant.
import { join } from "node:path";
import { type Agent, createAgent } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import { openLmdbStore } from "@tightbeam/store-lmdb";
import { connectWebSocket } from "@tightbeam/websocket";
import { openJournal, readJournal } from "./journal.js";

/** What the receiver keeps with each message's mark. */
export interface Tally {
  readonly count: number;
  readonly sum: number;
}

export type Word = { readonly type: "ready" } | { readonly type: "over"; readonly tally?: Tally } | { readonly type: "failed"; readonly error: string };

/** Sent at a time, and the longest that a handler takes, ms. */
const atOnce = 48;
const handlerMs = 12;

const [role = "", place = "", url = ""] = process.argv.slice(2);
const secret = Buffer.from(process.env.KILLS_SECRET ?? "", "base64url");
const say = (word: Word): void => void process.send?.(word);
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function enter(id: string): Promise<Agent> {
  const identity = await identityFromSecret({ id, secret });
  const transport = await connectWebSocket(url, { identity, reconnect: { minMs: 10, maxMs: 50 } });
  // Whoever was killed is a moment ago still the store's owner in the eyes of the system.
  const store = await openLmdbStore({ path: join(place, id), lockTimeout: 5_000 });
  return createAgent({ identity, trust: trust.everyoneWithSecret(secret), transport, store, storeKey: secret, goneAfter: 5_000 });
}

/** Numbers each message after the last that was ever tried: which of those were accepted nobody has to know. */
async function send(): Promise<void> {
  const path = join(place, "sender.journal");
  let next = readJournal(path).reduce((most, { deed, number }) => (deed === "tried" ? Math.max(most, number + 1) : most), 0);
  const journal = openJournal(path);
  const agent = await enter("sender");
  let stopping = false;
  process.on("message", () => {
    stopping = true;
  });
  say({ type: "ready" });
  const keepSending = async (): Promise<void> => {
    while (!stopping) {
      const number = next++;
      journal.write("tried", number);
      const confirmed = number % 3 === 0;
      await agent.notify("receiver", "add", { number }, { durable: true, timeout: 600_000, ...(confirmed ? { confirm: "done" as const } : {}) });
      journal.write(confirmed ? "done" : "accepted", number);
      await wait(number % 7);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, keepSending));
  await agent.durable.idle();
  say({ type: "over" });
}

async function receive(): Promise<void> {
  const journal = openJournal(join(place, "receiver.journal"));
  const agent = await enter("receiver");
  let tally = ((await agent.restore("tally")) as Tally | undefined) ?? { count: 0, sum: 0 };
  agent.handle("add", async (input, context) => {
    const { number } = input as { number: number };
    journal.write("started", number);
    if (number % 2 === 0) await wait(number % handlerMs);
    tally = { count: tally.count + 1, sum: tally.sum + number };
    await context.commit(tally, { name: "tally" });
    journal.write("committed", number);
  });
  process.on("message", () => say({ type: "over", tally }));
  say({ type: "ready" });
}

process.on("disconnect", () => process.exit(0));
(role === "sender" ? send() : receive()).catch((error: unknown) =>
  say({ type: "failed", error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
);
