import { decodeUtf8, fromBase64url } from "../bytes.js";
import * as protocol from "../protocol.js";
import { invalidToken as invalid } from "./claims.js";
import { isJsonObject, type JsonObject, parseJsonObject } from "./json.js";

/** A token taken apart. Nothing in it is authenticated. */
export interface TokenShape {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

/**
 * PROTOCOL 2, step 1, before anything is spent on the token: at most 8 KiB, three parts of canonical base64url, header and claims JSON
 * objects without a duplicated member, no `crit` and no `b64`. Throws `invalid_token`.
 */
export function readToken(token: string): TokenShape {
  if (typeof token !== "string" || token.length === 0) throw invalid("The token is empty or not a string.");
  if (token.length > protocol.tokenMaxBytes) throw invalid(`The token is larger than ${protocol.tokenMaxBytes} bytes.`);
  const parts = token.split(".", 4);
  const [header, claims, signature] = parts;
  if (parts.length !== 3 || !header || !claims || !signature) throw invalid("A token is three non-empty parts joined by dots.");
  const shape = { header: readPart(header, "header"), claims: readPart(claims, "claims") };
  decodePart(signature, "signature");
  if (Object.hasOwn(shape.header, "crit") || Object.hasOwn(shape.header, "b64")) throw invalid("The token's header has 'crit' or 'b64': neither is supported.");
  return shape;
}

/** True when the key has to travel beside the token (`cnf.jkt`), false when it is inside (`cnf.jwk`). Throws `invalid_token` when neither is there. */
export function tokenNeedsKey(token: string): boolean {
  const { cnf } = readToken(token).claims;
  if (isJsonObject(cnf)) {
    if (Object.hasOwn(cnf, "jwk")) return false;
    if (Object.hasOwn(cnf, "jkt")) return true;
  }
  throw invalid("The token is bound to no key: it needs 'cnf.jwk' or 'cnf.jkt'.");
}

function readPart(part: string, name: string): JsonObject {
  const bytes = decodePart(part, name);
  try {
    return parseJsonObject(decodeUtf8(bytes));
  } catch (cause) {
    throw invalid(`The token's ${name} is not a strict JSON object.`, cause);
  }
}

function decodePart(part: string, name: string): Uint8Array {
  try {
    return fromBase64url(part);
  } catch {
    throw invalid(`The token's ${name} is not canonical base64url.`);
  }
}
