import { encodeUtf8, fromBase64url, toBase64url } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import { counted } from "../under-way.js";
import { nodeCrypto, plain } from "./node-crypto.js";
import { importVerify, keyParameters, type SignatureAlgorithm, signatureParameters } from "./signatures.js";
import type { WebCryptoKeyPair } from "./web-crypto.js";

/** A private key that signs. `exportJwk` is there only when the key was made extractable. */
export interface Signer {
  readonly publicJwk: JsonWebKey;
  sign(data: Uint8Array): Promise<Uint8Array>;
  readonly exportJwk: (() => Promise<JsonWebKey>) | undefined;
}

/** A new key, from WebCrypto's own generator; `random` serves only where the runtime has no Ed25519. */
export async function generateSigner(alg: SignatureAlgorithm, extractable: boolean, random: (length: number) => Uint8Array): Promise<Signer> {
  if (alg === "EdDSA" && !(await hasEd25519())) return seedSigner(random(32), extractable);
  return ownSigner(extractable, async (readable) => {
    const pair = (await globalThis.crypto.subtle.generateKey(keyParameters[alg], readable, ["sign", "verify"])) as CryptoKeyPair;
    return pairSigner(alg, pair);
  });
}

/** `jwk` holds exactly the members of a private key, checked before. Throws `invalid_key` when the runtime refuses them. */
export async function importSigner(alg: SignatureAlgorithm, jwk: JsonWebKey, extractable: boolean): Promise<Signer> {
  if (alg === "EdDSA" && !(await hasEd25519())) return seedSigner(fromBase64url(jwk.d as string), extractable);
  const { d: _, ...publicJwk } = jwk;
  try {
    return await ownSigner(extractable, async (readable) => {
      const privateKey = await globalThis.crypto.subtle.importKey("jwk", jwk, keyParameters[alg], readable, ["sign"]);
      return cryptoKeySigner(alg, privateKey, publicJwk);
    });
  } catch {
    // No cause: a runtime's message about a private key may quote it.
    throw new TightbeamError("invalid_key", "The runtime refused this private key.");
  }
}

/**
 * For keys that are made here. `node:crypto` is not to be handed a key that WebCrypto may not export (Node's DEP0204), so where there is one
 * the key is made readable for this closure, and read by nobody; where that gains nothing, it is made again, unreadable.
 */
async function ownSigner(extractable: boolean, make: (readable: boolean) => Promise<KeptSigner>): Promise<Signer> {
  if (extractable || nodeCrypto() === undefined) return make(extractable);
  const { native, ...signer } = await make(true);
  return native ? { ...signer, exportJwk: undefined } : make(false);
}

/** Throws `invalid_key` when the pair is of another kind, cannot sign, or hides its public half. */
export async function pairSigner(alg: SignatureAlgorithm, pair: WebCryptoKeyPair): Promise<KeptSigner> {
  if (pair.privateKey.type !== "private" || !pair.privateKey.usages.includes("sign") || pair.publicKey.type !== "public")
    throw new TightbeamError("invalid_key", "A signing key pair needs a private key with the usage 'sign' and its public key.");
  let publicJwk: JsonWebKey;
  try {
    publicJwk = await globalThis.crypto.subtle.exportKey("jwk", pair.publicKey);
  } catch (cause) {
    throw new TightbeamError("invalid_key", "The public key of the pair must be extractable: peers have to see it.", { cause });
  }
  return cryptoKeySigner(alg, pair.privateKey, publicJwk);
}

type Sign = Signer["sign"];
/** `native`: it signs through `node:crypto`. */
type KeptSigner = Signer & { readonly native: boolean };

async function cryptoKeySigner(alg: SignatureAlgorithm, privateKey: CryptoKey, publicJwk: JsonWebKey): Promise<KeptSigner> {
  const { subtle } = globalThis.crypto;
  const webSign: Sign = async (data) => new Uint8Array(await counted(subtle.sign(signatureParameters[alg], privateKey, data as BufferSource)));
  const nativeSign = privateKey.extractable ? await nodeSign(alg, privateKey, publicJwk) : undefined;
  return {
    native: nativeSign !== undefined,
    publicJwk,
    sign: nativeSign ?? webSign,
    exportJwk: privateKey.extractable ? () => subtle.exportKey("jwk", privateKey) : undefined,
  };
}

/**
 * The same key, an extractable one, through `node:crypto`: half the CPU of WebCrypto, which pays for a trip through a thread. Reachable from this
 * closure only. Undefined where there is none, or where a first signature does not verify.
 */
async function nodeSign(alg: SignatureAlgorithm, privateKey: CryptoKey, publicJwk: JsonWebKey): Promise<Sign | undefined> {
  const node = nodeCrypto();
  if (node === undefined) return undefined;
  try {
    const key = node.KeyObject.from(privateKey);
    const sign = (data: Uint8Array): Uint8Array =>
      plain(alg === "EdDSA" ? node.sign(null, data, key) : node.sign("sha256", data, { key, dsaEncoding: "ieee-p1363" }));
    const probe = encodeUtf8("tightbeam signing check");
    const verify = await importVerify(alg, publicJwk);
    return (await verify(sign(probe), probe)) ? async (data) => sign(data) : undefined;
  } catch {
    return undefined;
  }
}

async function seedSigner(seed: Uint8Array, extractable: boolean): Promise<Signer> {
  const { ed25519PublicKey, signEd25519 } = await import("./ed25519.js");
  const publicJwk = { kty: "OKP", crv: "Ed25519", x: toBase64url(ed25519PublicKey(seed)) };
  return {
    publicJwk,
    sign: async (data) => signEd25519(data, seed),
    exportJwk: extractable ? async () => ({ ...publicJwk, d: toBase64url(seed) }) : undefined,
  };
}

let ed25519Support: Promise<boolean> | undefined;

/** Asks WebCrypto once, by importing a public key. */
function hasEd25519(): Promise<boolean> {
  ed25519Support ??= globalThis.crypto.subtle
    .importKey("jwk", { kty: "OKP", crv: "Ed25519", x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw" }, keyParameters.EdDSA, true, ["verify"])
    .then(
      () => true,
      () => false,
    );
  return ed25519Support;
}
