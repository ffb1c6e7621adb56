import { concat, encodeUtf8, writeU16 } from "../bytes.js";
import type { Hash } from "../crypto/provider.js";

/** The byte strings both sides must agree on: the Noise prologue and what a proof signs (docs/protocol.md, section 4). */

const prologueLabel = encodeUtf8("tightbeam/1 prologue\0");
const proofLabel = encodeUtf8("tightbeam/1 pop\0");
/** Protected header `typ` of a proof. */
export const proofType = "tightbeam-pop+jws";

export type Role = "initiator" | "responder";

function prefixed(value: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 + value.length);
  writeU16(out, 0, value.length);
  out.set(value, 2);
  return out;
}

/** `retry` is empty, or `retryBinding`. `hs1Head` is HS1 up to its Noise message. */
export const prologue = (dialled: string, retry: Uint8Array, hs1Head: Uint8Array): Uint8Array =>
  concat(prologueLabel, prefixed(encodeUtf8(dialled)), prefixed(retry), prefixed(hs1Head));

export const retryBinding = (firstHs1Hash: Uint8Array, retryFrame: Uint8Array): Uint8Array => concat(firstHs1Hash, retryFrame);

/** `h` is the Noise hash just before the payload is encrypted; `signed` all TLVs before the proof. */
export const proofPayload = (hash: Hash, role: Role, h: Uint8Array, signed: Uint8Array): Uint8Array =>
  concat(proofLabel, Uint8Array.of(role === "initiator" ? 0 : 1), h, hash.digest(signed));
