import { equalBytes } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { credential } from "../identity/credential.js";
import { signProof, verifyProof } from "../identity/proof.js";
import * as protocol from "../protocol.js";
import { inboxAddress } from "../transport/address.js";
import type { Context } from "./context.js";
import { appendProof, encodeFields, type HandshakePayload } from "./payload.js";
import { proofPayload, proofType, type Role } from "./transcript.js";
import type { Peer, SuiteId } from "./types.js";
import { ownInstance } from "./verdict.js";

/** What a handshake frame has room for beside the payload: header, reply address, keys, KEM ciphertext, tags. */
const frameOverheadBytes = 1_500;

/** The payload of message 2 or 3, proof included. `h` is the Noise hash just before it is encrypted. Throws what the identity throws. */
export async function writePayload(
  context: Context,
  role: Role,
  h: Uint8Array,
  own: { readonly sessionId: Uint8Array; readonly suites: readonly SuiteId[]; readonly link?: Uint8Array },
): Promise<Uint8Array> {
  const { runtime, crypto } = context;
  const { key, token, jwk } = await credential(context.identity);
  const signed = encodeFields({
    token,
    sessionId: own.sessionId,
    suites: own.suites,
    time: runtime.clock.wall(),
    limits: context.announced,
    jwk,
    instance: context.instance,
    link: own.link,
  });
  const payload = appendProof(signed, await signProof(key, proofType, proofPayload(crypto.sha256, role, h, signed)));
  if (payload.length > protocol.handshakeFrameMaxBytes - frameOverheadBytes) {
    throw new TightbeamError("too_large", "The token does not fit into a handshake frame of 16 KiB. Get a smaller token.");
  }
  return payload;
}

export interface Claims {
  readonly role: Role;
  readonly payload: HandshakePayload;
  /** The Noise hash the proof was made over. */
  readonly h: Uint8Array;
  /** From the frame's header: what the payload must repeat. */
  readonly sessionId: Uint8Array;
  readonly replyTo: string;
  readonly expectedId?: string | undefined;
  readonly expectedInstance?: string | undefined;
}

const wrongPeer = (what: string): TightbeamError =>
  new TightbeamError("wrong_peer", `${what}. Nothing was sent to it. Check the address; somebody on the way may change frames.`);

/** Who the other side is, in the order of docs/protocol.md, section 2: token, key, proof, then what the proof binds. Throws a typed error. */
export async function verifyPeer(context: Context, claims: Claims): Promise<Peer> {
  const { runtime, crypto, trust } = context;
  const { payload, role, h } = claims;
  const arrived = runtime.clock.wall();
  const token = await trust.verify(payload.token, {
    now: arrived,
    ...(claims.expectedId === undefined ? {} : { expectedId: claims.expectedId }),
    ...(payload.jwk === undefined ? {} : { jwk: payload.jwk }),
  });
  if (!(await verifyProof(token.key, proofType, proofPayload(crypto.sha256, role, h, payload.signed), payload.proof))) {
    throw new TightbeamError("invalid_token", "The peer showed a token whose key it does not hold. It may be stolen.");
  }
  const inbox = inboxAddress(token.id, payload.instance);
  if (claims.expectedId !== undefined && token.id !== claims.expectedId) throw wrongPeer("Another agent answered than the one dialled");
  if (inbox !== claims.replyTo) throw wrongPeer("The reply address in the frame is not the one the peer proved");
  if (!equalBytes(payload.sessionId, claims.sessionId)) throw wrongPeer("The session id in the frame is not the one the peer proved");
  if (claims.expectedInstance !== undefined && payload.instance !== claims.expectedInstance) throw wrongPeer("Another instance answered than the one dialled");
  if (inbox === context.addresses.inbox) throw ownInstance();
  return {
    id: token.id,
    instance: payload.instance,
    inbox,
    issuer: token.issuer,
    thumbprint: token.key.thumbprint,
    permissions: token.permissions,
    limits: payload.limits,
    clockOffset: payload.time - arrived,
    token,
  };
}
