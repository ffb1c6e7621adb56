// How agents reach each other, and whom they trust. No other file knows: another transport is another line here.
import { type Agent, createAgent } from "@tightbeam/core";
import { identityFromSecret, trust } from "@tightbeam/core/identity";
import { connectNats } from "@tightbeam/nats";
import { readSecret } from "./secret.js";

const url = process.env.TIGHTBEAM_URL ?? "nats://127.0.0.1:4222";

/** Joins as the agent of this id. */
export async function join(id: string): Promise<Agent> {
  const secret = await readSecret();
  const identity = await identityFromSecret({ id, secret });
  return createAgent({ identity, trust: trust.everyoneWithSecret(secret), transport: await connectNats({ servers: url }) });
}

/** The broker is yours: `nats-server` on this machine, or where TIGHTBEAM_URL says. Returns where it is. */
export async function startNetwork(): Promise<string> {
  return url;
}
