import { equalBytes } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { credential } from "../identity/credential.js";
import { signProof, verifyProof } from "../identity/proof.js";
import type { VerifyKey } from "../identity/types.js";
import * as protocol from "../protocol.js";
import { inboxAddress } from "../transport/address.js";
import type { Context } from "./context.js";
import { appendProof, encodeFields, type HandshakePayload } from "./payload.js";
import type { Target } from "./target.js";
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
  /** Who was dialled. */
  readonly expected?: Pick<Target, "id" | "instance">;
  /** Perhaps run, once, while a thread checks the token: for work that is due if all is well. What it throws, it will throw again when it is due. */
  readonly meanwhile?: () => void;
}

const wrongPeer = (what: string): TightbeamError =>
  new TightbeamError("wrong_peer", `${what}. Nothing was sent to it. Check the address; somebody on the way may change frames.`);

/** Who the other side is, in the order of docs/protocol.md, section 2: token, key, proof, then what the proof binds. Throws a typed error. */
export async function verifyPeer(context: Context, claims: Claims): Promise<Peer> {
  const { runtime, crypto, trust } = context;
  const { payload, role, h, expected } = claims;
  const arrived = runtime.clock.wall();
  const prove = (key: VerifyKey): Promise<boolean> => verifyProof(key, proofType, proofPayload(crypto.sha256, role, h, payload.signed), payload.proof);
  let early: { readonly key: VerifyKey; readonly proved: Promise<boolean> } | undefined;
  let known = false;
  const overlap = (key: VerifyKey): void => {
    if (known) return;
    early = { key, proved: prove(key) };
    // Nobody may ask for it.
    early.proved.catch(() => undefined);
    try {
      claims.meanwhile?.();
    } catch {
      // Whoever needs it will try again.
    }
  };
  const token = await trust
    .verify(payload.token, {
      now: arrived,
      ...(expected === undefined ? {} : { expectedId: expected.id }),
      ...(payload.jwk === undefined ? {} : { jwk: payload.jwk }),
      // A turn later: by then the signature is with its thread.
      onKey: (key) => runtime.timers.turn(() => overlap(key)),
    })
    .finally(() => {
      known = true;
    });
  if (!(await (early?.key === token.key ? early.proved : prove(token.key)))) {
    throw new TightbeamError("invalid_token", "The peer showed a token whose key it does not hold. It may be stolen.");
  }
  const inbox = inboxAddress(token.id, payload.instance);
  if (expected !== undefined && token.id !== expected.id) throw wrongPeer(`Another agent answered (${token.id}) than the one dialled (${expected.id})`);
  if (inbox !== claims.replyTo) throw wrongPeer("The reply address in the frame is not the one the peer proved");
  if (!equalBytes(payload.sessionId, claims.sessionId)) throw wrongPeer("The session id in the frame is not the one the peer proved");
  if (expected?.instance !== undefined && payload.instance !== expected.instance) throw wrongPeer("Another instance answered than the one dialled");
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
