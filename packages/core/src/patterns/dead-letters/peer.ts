import type { Trust, VerifiedToken } from "../../identity/types.js";
import type { Link } from "../../link/link-types.js";
import { inboxAddress } from "../../transport/address.js";
import type { LetterPeer } from "./types.js";

type Peer = Link["peer"];

/** What a letter remembers of who sent it. */
export function letterPeerOf({ instance, issuer, thumbprint, permissions, token }: Peer): LetterPeer {
  const { jti, issuerKey, issuedAt, expiresAt } = token;
  return { instance, issuer, thumbprint, permissions, jti, issuerKey, issuedAt, expiresAt };
}

/**
 * The sender of a letter, as its token said when the message came. Rejects as `Trust.recheck` does when that token was revoked since, or its
 * issuer's key was removed; that it has run out since says nothing against a message that came before.
 */
export async function peerOfLetter(id: string, sender: LetterPeer, trust: Trust, now: number): Promise<Peer> {
  const { instance, issuer, thumbprint, permissions, jti, issuerKey, issuedAt, expiresAt } = sender;
  const key = { alg: "EdDSA", publicJwk: { kty: "OKP", crv: "Ed25519", x: "" }, thumbprint, verify: async () => false } as const;
  const token: VerifiedToken = { id, issuer, jti, key, permissions, issuedAt, expiresAt, issuerKey };
  await trust.recheck(token, { now: Math.min(now, expiresAt) });
  const limits = { maxMessageBytes: 0, intakeCount: 0, intakeBytes: 0 };
  return { id, instance, inbox: inboxAddress(id, instance), issuer, thumbprint, permissions, limits, clockOffset: 0, token };
}
