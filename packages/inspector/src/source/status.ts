import type { AgentStatus, LinkStatus } from "@tightbeam/core";
import { agentKey, edgeKey, linkKey } from "../feed/keys.js";
import type { AgentView, LinkView } from "../feed/types.js";
import type { CountedLink } from "./seconds.js";

const suites: Readonly<Record<number, string>> = {
  257: "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256",
  1: "Noise_XX_25519_ChaChaPoly_SHA256",
};

export const suiteView = (id: number): { readonly id: number; readonly name: string } => ({ id, name: suites[id] ?? `suite ${id}` });

export function linkView(from: string, medium: string | undefined, status: LinkStatus): LinkView {
  const { peer, state, suite, generation, epoch, awaited, roundTrip, queue, inFlight, credit } = status;
  const to = agentKey(peer);
  return {
    key: linkKey(from, to),
    edge: edgeKey(from, to),
    from,
    to,
    state,
    ...(medium === undefined ? {} : { transport: medium }),
    ...(suite === undefined ? {} : { suite: suiteView(suite) }),
    thumbprint: peer.thumbprint,
    issuer: peer.issuer,
    generation,
    ...(epoch === undefined ? {} : { epoch }),
    roundTrip: Math.round(roundTrip * 1_000) / 1_000,
    awaited,
    queue,
    inFlight,
    credit,
  };
}

export const counted = (view: LinkView, { counters }: LinkStatus): CountedLink => ({
  key: view.to,
  counters,
  queue: view.queue,
  inFlightBytes: view.inFlight.bytes,
});

/** `changes`: how often letters came or went. */
export function agentView({ id, instance, transport, medium, ready, calls, streams, memory, durable, deadLetters }: AgentStatus, changes: number): AgentView {
  return {
    key: agentKey({ id, instance }),
    id,
    instance,
    watched: "local",
    state: transport,
    ...(medium === undefined ? {} : { transport: medium }),
    ready,
    calls,
    streams,
    memory,
    durable: { count: durable.queued + durable.inFlight, bytes: durable.bytes },
    ...(deadLetters === undefined ? {} : { deadLetters: { count: deadLetters.count, bytes: deadLetters.bytes, changes } }),
  };
}
