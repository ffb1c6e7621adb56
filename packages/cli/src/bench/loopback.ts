import { type Agent, createAgent } from "@tightbeam/core";
import { generateSecret, identityFromSecret, trust } from "@tightbeam/core/identity";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import type { Invocation } from "../invocation.js";

/** A relay and an agent that answers `echo`, in this process, and an agent that asks: closed with the command. */
export async function openLoopback({ later, runtime }: Invocation): Promise<{ readonly agent: Agent; readonly peer: string }> {
  const secret = generateSecret();
  const everyone = trust.everyoneWithSecret(secret);
  const relay = await createRelay({ port: 0, trust: everyone, runtime });
  later(() => relay.close());
  const join = async (id: string): Promise<Agent> => {
    const identity = await identityFromSecret({ id, secret });
    const agent = await createAgent({ identity, trust: everyone, transport: await connectWebSocket(relay.url, { identity, runtime }), runtime });
    later(() => agent.close());
    return agent;
  };
  const answering = await join("answering");
  answering.handle("echo", (input) => input);
  return { agent: await join("asking"), peer: answering.id };
}
