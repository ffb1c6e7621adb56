import { onDemand } from "../on-demand.js";
import { counted } from "../under-way.js";
import type { TokenAlgorithm } from "./algorithms.js";
import { invalidToken } from "./claims.js";
import type { IssuerKey } from "./issuer-key.js";

const loadVerify = onDemand(async () => (await import("jose/jws/compact/verify")).compactVerify);

/**
 * Whether a token's signature is right, of an issuer whose keys are of kinds that agents do not have: RSA, P-384, P-521, a shared secret.
 * By jose, which most processes never load. Throws `invalid_token` for what jose cannot read, `invalid_key`, and `unavailable`.
 */
export async function verifyOther(token: string, alg: TokenAlgorithm, issuerKey: IssuerKey): Promise<boolean> {
  const compactVerify = await loadVerify();
  const key = await issuerKey.cryptoKey(alg);
  try {
    await counted(compactVerify(token, key, { algorithms: [alg] }));
    return true;
  } catch (error) {
    // jose's errors quote values of the token, so neither they nor their messages are kept.
    if ((error as { code?: unknown }).code === "ERR_JWS_SIGNATURE_VERIFICATION_FAILED") return false;
    throw invalidToken("The token could not be verified.");
  }
}
