import { generateKeyPairSync } from "node:crypto";
import { type Agent, type AgentOptions, createAgent, createAuthority } from "@tightbeam/core";
import { importKey } from "@tightbeam/core/identity";
import { connectWebSocket } from "@tightbeam/websocket";
import { createRelay } from "@tightbeam/websocket/relay";
import type { JWK } from "jose";
import { onTestFinished } from "vitest";
import { createIdentity } from "./peer/identity.js";
import { createPeer, type Peer, type PeerOptions } from "./peer/peer.js";

export interface Place {
  /** This project's. */
  readonly agent: Agent;
  /** The second implementation. */
  readonly peer: Peer;
}

/** `acme/alice` is an agent of this project, `acme/bob` the second implementation; between them is the relay. One issuer signs for both. */
export async function openPlace(options: { agent?: Partial<AgentOptions>; peer?: Partial<PeerOptions> } = {}): Promise<Place> {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" }) as JWK;
  const name = "https://auth.example";
  const authority = await createAuthority({ issuer: name, key: await importKey(jwk as JsonWebKey) });
  const trust = authority.trust();
  const relay = await createRelay({ port: 0, trust });
  onTestFinished(() => relay.close());

  const identity = await authority.enroll("acme/alice");
  const agent = await createAgent({ identity, trust, transport: await connectWebSocket(relay.url, { identity }), ...options.agent });
  onTestFinished(() => agent.close());

  const kid = authority.jwks().keys[0]?.kid;
  const issuer = { name, jwk: { ...jwk, ...(kid === undefined ? {} : { kid }) } };
  const { privateKey } = generateKeyPairSync("ed25519");
  const peer = await createPeer({ url: relay.url, identity: createIdentity("acme/bob", privateKey, issuer), issuer, ...options.peer });
  onTestFinished(() => peer.close());
  return { agent, peer };
}

/** Every frame later than the one behind it, and every third one twice. */
export function reorderAndRepeat(): NonNullable<PeerOptions["disturb"]> {
  let count = 0;
  let held: (() => void) | undefined;
  const release = (): void => {
    held?.();
    held = undefined;
  };
  return (frame, pass) => {
    const twice = ++count % 3 === 0;
    const deliver = (): void => {
      pass(frame);
      if (twice) pass(frame);
    };
    if (held === undefined) {
      held = deliver;
      setTimeout(release, 15);
    } else {
      deliver();
      release();
    }
  };
}
