// How agents reach each other, and whom they trust. No other file knows: another transport is another line here.
import { type Agent, createAgent } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import { readSecret } from "./secret.js";

const url = process.env.TIGHTBEAM_URL ?? "ws://127.0.0.1:4400";

/** Joins as the agent of this id. */
export async function join(id: string): Promise<Agent> {
  const secret = await readSecret();
  const identity = await identityFromSecret({ id, secret });
  return createAgent({ identity, trust: trust.everyoneWithSecret(secret), transport: await connectWebSocket(url, { identity }) });
}

/** What carries the agents' messages, encrypted from end to end: it cannot read them. Returns where it listens. */
export async function startNetwork(): Promise<string> {
  const relay = await createRelay({ port: Number(new URL(url).port), trust: trust.everyoneWithSecret(await readSecret()) });
  return relay.url;
}
