import { TightbeamError } from "../errors.js";
import { nodeCrypto } from "./node-crypto.js";
import type { VerifyBackend } from "./provider.js";

interface NodeVerify {
  createPublicKey(input: { key: JsonWebKey; format: "jwk" }): object;
  verify(hash: string | null, data: Uint8Array, key: object, signature: Uint8Array): boolean;
}

/** Signatures through `node:crypto`: about half the CPU of WebCrypto, which pays for a trip through a thread. */
export const nodeVerify: VerifyBackend = async (alg, jwk) => {
  const crypto = nodeCrypto() as NodeVerify | undefined;
  if (crypto === undefined) throw new TightbeamError("unsupported", "this runtime has no node:crypto");
  const key = crypto.createPublicKey({ key: jwk, format: "jwk" });
  return alg === "EdDSA"
    ? async (signature, data) => crypto.verify(null, data, key, signature)
    : async (signature, data) => crypto.verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature);
};
