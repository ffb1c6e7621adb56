import { createAgent, trust } from "@tightbeam/core";
import { identityFromAuthority, identityFromSecret, type SecretCredential } from "@tightbeam/core/identity";
import type { Transport } from "@tightbeam/core/transport";

/** `generateSecret()` made 32 bytes once; each machine has them from its own store of secrets. */
export const readSecret = (text: string): Uint8Array => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Without any server: everyone who holds the secret may say to be any agent, and believes everyone else. */
export async function joinGroup(id: string, secret: Uint8Array, transport: Transport) {
  const identity = await identityFromSecret({ id, secret, permissions: ["call:*", "transport:presence"] });
  return createAgent({ identity, transport, trust: trust.everyoneWithSecret(secret) });
}

/** With an authority: whoever holds this secret is `edge/sensor` and nobody else, until it is taken off the list. */
export const sensorSecret = (secret: Uint8Array): SecretCredential => ({
  type: "secret",
  secret,
  prefixes: ["edge/sensor"],
  permissions: ["call:measure", "transport:presence"],
});

export const identityByEnrolment = (id: string, url: string, secret: Uint8Array, allowInsecure = false) =>
  identityFromAuthority({ id, url, secret, allowInsecure });
