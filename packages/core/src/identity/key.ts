import { generateSigner, importSigner, pairSigner, type Signer } from "../crypto/signing.js";
import type { WebCryptoKeyPair, WebJwk } from "../crypto/web-crypto.js";
import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { readPrivateJwk, readPublicJwk, thumbprintOf } from "./jwk.js";
import type { PublicJwk, SignatureAlg, SigningKey } from "./types.js";
import { importVerifyKey } from "./verify-key.js";

export interface GenerateKeyOptions {
  /** Default "EdDSA". */
  readonly alg?: SignatureAlg | undefined;
  /** Default false: the private half can sign and can never be read. */
  readonly extractable?: boolean | undefined;
  readonly runtime?: Runtime | undefined;
}

/** A private key as JWK. Keep it as you would a password. */
export type PrivateJwk = PublicJwk & { readonly d: string };

const exporters = new WeakMap<SigningKey, () => Promise<JsonWebKey>>();

/** Throws `invalid_argument` for another algorithm, `unsupported` where the runtime has none. */
export async function generateKey(options: GenerateKeyOptions = {}): Promise<SigningKey> {
  checkKnown("generateKey", options, ["alg", "extractable", "runtime"]);
  const alg = options.alg ?? "EdDSA";
  if (alg !== "EdDSA" && alg !== "ES256") throw new TightbeamError("invalid_argument", "An identity key's alg is 'EdDSA' or 'ES256'.");
  const { random } = options.runtime ?? systemRuntime();
  return signingKey(await generateSigner(alg, options.extractable === true, (length) => random.bytes(length)));
}

/**
 * A private JWK (copied; not extractable again unless asked), or a WebCrypto pair (kept as it is, so its own extractability holds).
 * The two halves are tried against each other. Throws `invalid_key`, never quoting the key.
 */
export async function importKey(
  source: PrivateJwk | WebJwk | WebCryptoKeyPair,
  options: { readonly extractable?: boolean | undefined } = {},
): Promise<SigningKey> {
  checkKnown("importKey", options, ["extractable"]);
  const key = await signingKey(isPair(source) ? await pairSigner(pairAlg(source), source) : await jwkSigner(source, options.extractable === true));
  const probe = new TextEncoder().encode("tightbeam key check");
  const verifyKey = await importVerifyKey(key.publicJwk);
  if (!(await verifyKey.verify(await key.sign(probe), probe))) {
    exporters.delete(key);
    throw new TightbeamError("invalid_key", "The private key does not belong to the public key beside it.");
  }
  return key;
}

/** The private key as JWK. Throws `denied` for a key that is not extractable or was not made here. */
export async function exportKey(key: SigningKey): Promise<PrivateJwk> {
  const exporter = exporters.get(key);
  if (exporter === undefined)
    throw new TightbeamError("denied", "This key is not extractable: generate or import it with { extractable: true } if it has to leave.");
  const { d } = await exporter();
  return { ...key.publicJwk, d: d as string };
}

async function jwkSigner(source: unknown, extractable: boolean): Promise<Signer> {
  const { alg, jwk, d } = readPrivateJwk(source);
  return importSigner(alg, { ...jwk, d }, extractable);
}

async function signingKey(signer: Signer): Promise<SigningKey> {
  const { kty, crv, x, y } = signer.publicJwk;
  const { alg, jwk } = readPublicJwk(y === undefined ? { kty, crv, x } : { kty, crv, x, y });
  const key: SigningKey = Object.freeze({ alg, publicJwk: jwk, thumbprint: thumbprintOf(jwk), sign: (data: Uint8Array) => signer.sign(data) });
  if (signer.exportJwk !== undefined) exporters.set(key, signer.exportJwk);
  return key;
}

const isPair = (source: object): source is WebCryptoKeyPair => typeof source === "object" && source !== null && "privateKey" in source && "publicKey" in source;

function pairAlg(pair: WebCryptoKeyPair): SignatureAlg {
  const algorithm = pair.privateKey?.algorithm as { name?: string; namedCurve?: string } | undefined;
  if (algorithm?.name === "Ed25519") return "EdDSA";
  if (algorithm?.name === "ECDSA" && algorithm.namedCurve === "P-256") return "ES256";
  throw new TightbeamError("invalid_key", "An identity key pair is Ed25519 or ECDSA on P-256.");
}
