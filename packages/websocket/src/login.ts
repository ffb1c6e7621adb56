import { nonceBytes } from "./protocol.js";

const label = "tightbeam/1 relay\0";

/**
 * What the proof of a login signs (PROTOCOL 8): the origin as dialled keeps it from being passed on to another relay, the relay's nonce from being used twice,
 * the token's hash from being put beside another token.
 */
export async function loginPayload(origin: string, relayNonce: Uint8Array, clientNonce: Uint8Array, token: string): Promise<Uint8Array> {
  const text = new TextEncoder();
  const hash = new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", text.encode(token)));
  const name = text.encode(label);
  const where = text.encode(origin);
  const out = new Uint8Array(name.length + 2 + where.length + 2 * nonceBytes + hash.length);
  out.set(name);
  let at = name.length;
  out[at++] = where.length >>> 8;
  out[at++] = where.length;
  for (const part of [where, relayNonce, clientNonce, hash]) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
