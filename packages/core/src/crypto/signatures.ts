import { fromBase64url, hex } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { nodeVerify } from "./platform.js";
import { isStrictEd25519Signature } from "./points.js";
import type { SignatureAlgorithm, Verify, VerifyBackend } from "./provider.js";

export type { SignatureAlgorithm, Verify } from "./provider.js";

const webCrypto: VerifyBackend = async (alg, jwk) => {
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey("jwk", jwk, keyParameters[alg], false, ["verify"]);
  return (signature, data) => subtle.verify(signatureParameters[alg], key, signature as BufferSource, data as BufferSource);
};

const noble: VerifyBackend = async (alg, jwk) => {
  if (alg !== "EdDSA") throw new TightbeamError("unsupported", "ES256 needs WebCrypto");
  const { verifyEd25519 } = await import("./ed25519.js");
  const publicKey = fromBase64url(jwk.x as string);
  return async (signature, data) => verifyEd25519(signature, data, publicKey);
};

export const keyParameters = { EdDSA: { name: "Ed25519" }, ES256: { name: "ECDSA", namedCurve: "P-256" } } as const;
export const signatureParameters = { EdDSA: { name: "Ed25519" }, ES256: { name: "ECDSA", hash: "SHA-256" } } as const;

export const signatureBackends = { webCrypto, noble } as const;

/** RFC 8032, 7.1, test 2; RFC 6979, A.2.5, SHA-256 of "sample". */
const knownAnswers = {
  EdDSA: {
    jwk: { kty: "OKP", crv: "Ed25519", x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw" },
    data: "72",
    signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  ES256: {
    jwk: { kty: "EC", crv: "P-256", x: "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y", y: "eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk" },
    data: "73616d706c65",
    signature: "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
  },
} as const;

/** True when the backend accepts a published signature and refuses it with one bit changed. */
export async function passesKnownAnswer(backend: VerifyBackend, alg: SignatureAlgorithm): Promise<boolean> {
  const answer = knownAnswers[alg];
  try {
    const verify = await backend(alg, { ...answer.jwk });
    const signature = hex(answer.signature);
    const data = hex(answer.data);
    if ((await verify(signature, data)) !== true) return false;
    signature[40] = (signature[40] as number) ^ 1;
    return (await verify(signature, data)) === false;
  } catch {
    return false;
  }
}

const chosen = new Map<SignatureAlgorithm, Promise<VerifyBackend>>();

async function choose(alg: SignatureAlgorithm): Promise<VerifyBackend> {
  for (const backend of [nodeVerify, webCrypto, noble]) if (backend !== undefined && (await passesKnownAnswer(backend, alg))) return backend;
  throw new TightbeamError("unsupported", `this runtime cannot verify ${alg} signatures`);
}

/** `jwk` holds only public members that were checked before. Throws `invalid_key` when the runtime refuses them. */
export async function importVerify(alg: SignatureAlgorithm, jwk: JsonWebKey): Promise<Verify> {
  let backend = chosen.get(alg);
  if (backend === undefined) {
    backend = choose(alg);
    chosen.set(alg, backend);
  }
  const importKey = await backend;
  let verify: Verify;
  try {
    verify = await importKey(alg, jwk);
  } catch (cause) {
    throw new TightbeamError("invalid_key", "The runtime refused this public key.", { cause });
  }
  return async (signature, data) => {
    if (signature.length !== 64 || (alg === "EdDSA" && !isStrictEd25519Signature(signature))) return false;
    try {
      return (await verify(signature, data)) === true;
    } catch {
      return false;
    }
  };
}
