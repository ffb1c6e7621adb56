import { invalidToken as invalid } from "./claims.js";
import { isJsonObject, type JsonObject, parseJsonObject } from "./json.js";
import type { VerifyKey } from "./types.js";
import { importVerifyKey } from "./verify-key.js";

const jwkTextMax = 1_024;

/**
 * The key a token is bound to (RFC 7800): `cnf.jwk`, or the key beside the token whose RFC 7638 thumbprint is `cnf.jkt`
 * (RFC 9449, 6.1). Exactly one of the two; a key beside the token only with the second. Throws `invalid_token`.
 */
export async function confirmedKey(cnf: unknown, kind: "jwk" | "jkt" | undefined, beside: string | undefined): Promise<VerifyKey> {
  if (!isJsonObject(cnf)) throw invalid("The token is bound to no key: 'cnf' is missing.");
  const [inside, thumbprint] = [Object.hasOwn(cnf, "jwk"), Object.hasOwn(cnf, "jkt")];
  if (inside === thumbprint) throw invalid("The token's 'cnf' needs either 'jwk' or 'jkt'.");
  if (kind !== undefined && kind !== (inside ? "jwk" : "jkt")) throw invalid("The token's 'cnf' is not of the kind that its issuer's profile names.");
  if (inside) {
    if (beside !== undefined) throw invalid("A key travelled beside the token, and one is inside.");
    return importConfirmed(cnf.jwk);
  }
  if (beside === undefined) throw invalid("The token's key did not travel beside it, and is not inside.");
  const key = await importConfirmed(parseBeside(beside));
  if (typeof cnf.jkt !== "string" || key.thumbprint !== cnf.jkt) throw invalid("The key beside the token is not the one it names.");
  return key;
}

function parseBeside(text: string): JsonObject {
  if (typeof text !== "string" || text.length > jwkTextMax) throw invalid("The key beside the token is too large.");
  try {
    return parseJsonObject(text);
  } catch (cause) {
    throw invalid("The key beside the token is not a strict JSON object.", cause);
  }
}

async function importConfirmed(jwk: unknown): Promise<VerifyKey> {
  try {
    return await importVerifyKey(jwk);
  } catch (cause) {
    throw invalid("The key the token is bound to is refused.", cause);
  }
}
