import { concat, equalBytes, hex } from "../bytes.js";
import { TightbeamError } from "../errors.js";
import * as kemBytes from "./kem-bytes.js";
import { checkCiphertext, checkM, checkPublic, checkSeed, notCanonical } from "./kem-checks.js";
import { keyCache } from "./key-cache.js";
import { type NodeCrypto, nodeCrypto, plain } from "./node-crypto.js";
import type { Hash, Kem, KemOptions } from "./provider.js";
import { crypto } from "./select.js";
import { sodiumKem } from "./sodium.js";

export async function loadNobleKem(): Promise<Kem> {
  const { ml_kem768 } = await import("@noble/post-quantum/ml-kem.js");
  return Object.freeze<Kem>({
    name: "noble",
    keyPair(seed) {
      checkSeed(seed);
      return ml_kem768.keygen(seed);
    },
    encapsulate(publicKey, m) {
      checkPublic(publicKey);
      if (m !== undefined) checkM(m);
      try {
        const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey, m);
        return { ciphertext: cipherText, sharedSecret };
      } catch {
        throw notCanonical();
      }
    },
    decapsulate(secretKey, ciphertext) {
      checkCiphertext(ciphertext);
      return ml_kem768.decapsulate(ciphertext, secretKey);
    },
  });
}

/** RFC 9935: PKCS #8 with the seed form of the private key, and SubjectPublicKeyInfo, up to the raw bytes. */
const pkcs8Prefix = hex("3054020100300b060960864801650304040204428040");
const spkiPrefix = hex("308204b2300b0609608648016503040402038204a100");

/** ML-KEM of Node 24.7 and later: 10 times faster. It takes no `m`, so its encapsulation draws from OpenSSL's generator. The secret key is the seed. */
export function nativeKem(node: NodeCrypto | undefined = nodeCrypto()): Kem | undefined {
  const { encapsulate, decapsulate } = node ?? {};
  if (node === undefined || encapsulate === undefined || decapsulate === undefined) return undefined;
  const privateKey = keyCache((seed) => {
    const der = concat(pkcs8Prefix, seed);
    const key = node.createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    der.fill(0);
    return key;
  });
  return Object.freeze<Kem>({
    name: "native",
    keyPair(seed) {
      checkSeed(seed);
      const secretKey = seed.slice();
      const spki = node.createPublicKey(privateKey(secretKey)).export({ format: "der", type: "spki" });
      return { publicKey: plain(spki).slice(spkiPrefix.length), secretKey };
    },
    encapsulate(publicKey, m) {
      checkPublic(publicKey);
      if (m !== undefined) throw new TightbeamError("unsupported", "native ML-KEM takes no injected randomness: use loadKem({ deterministic: true })");
      let key: ReturnType<NodeCrypto["createPublicKey"]>;
      try {
        key = node.createPublicKey({ key: concat(spkiPrefix, publicKey), format: "der", type: "spki" });
      } catch {
        throw notCanonical();
      }
      const { sharedKey, ciphertext } = encapsulate(key);
      return { ciphertext: plain(ciphertext), sharedSecret: plain(sharedKey) };
    },
    decapsulate(secretKey, ciphertext) {
      checkSeed(secretKey);
      checkCiphertext(ciphertext);
      return plain(decapsulate(privateKey(secretKey), ciphertext));
    },
  });
}

/** Answers for the seed 00..3f and m 00..1f on which noble and OpenSSL 3.5 agree; the Wycheproof vectors in the tests stand behind both. */
const answers = {
  publicKey: hex("0b7934c83125c788995e2ba6bd761e33046b3e40571be53e023309a29f398cc9"),
  ciphertext: hex("39826fe40dc54a3fef68b7c228ed8fb22931012b6fa3bd3e7f204d54db0ac1e1"),
  sharedSecret: hex("42f558b0bc5d700a911b0fc67f62376f7aee4667f1969e03f18bdfdf3c59fbdc"),
  rejected: hex("c8fbeddafdacef2ffeb8b354ea644f11b5c150f3e2c4a74ce38abba8f854ae16"),
};

export function kemPasses(kem: Kem, sha256: Hash, deterministic: boolean): boolean {
  try {
    const { publicKey, secretKey } = kem.keyPair(Uint8Array.from({ length: kemBytes.seed }, (_, i) => i));
    if (!equalBytes(sha256.digest(publicKey), answers.publicKey)) return false;
    if (!equalBytes(kem.decapsulate(secretKey, new Uint8Array(kemBytes.ciphertext)), answers.rejected)) return false;
    const m = deterministic ? Uint8Array.from({ length: kemBytes.m }, (_, i) => i) : undefined;
    const { ciphertext, sharedSecret } = kem.encapsulate(publicKey, m);
    if (deterministic && !(equalBytes(sha256.digest(ciphertext), answers.ciphertext) && equalBytes(sharedSecret, answers.sharedSecret))) return false;
    if (!equalBytes(kem.decapsulate(secretKey, ciphertext), sharedSecret)) return false;
    return refuses(() => kem.encapsulate(publicKey.slice().fill(0xff, 0, 1152)));
  } catch {
    return false;
  }
}

function refuses(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

const loading: { fast?: Promise<Kem>; deterministic?: Promise<Kem> } = {};

async function checkedNoble(): Promise<Kem> {
  const kem = await loadNobleKem();
  if (!kemPasses(kem, crypto().sha256, true))
    throw new TightbeamError("internal", "ML-KEM-768 gives wrong known answers in this runtime: the hybrid suite cannot be used here");
  return kem;
}

async function fastest(): Promise<Kem> {
  const { sha256 } = crypto();
  const native = nativeKem();
  if (native !== undefined && kemPasses(native, sha256, false)) return native;
  const sodium = await sodiumKem();
  return sodium !== undefined && kemPasses(sodium, sha256, true) ? sodium : await checkedKem({ deterministic: true });
}

/** `loadKem` of load-kem.ts. */
export function checkedKem(options: KemOptions = {}): Promise<Kem> {
  const slot = options.deterministic === true ? "deterministic" : "fast";
  const promise = loading[slot] ?? (slot === "fast" ? fastest() : checkedNoble());
  loading[slot] = promise;
  promise.catch(() => delete loading[slot]);
  return promise;
}
