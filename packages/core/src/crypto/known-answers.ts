import { concat, encodeUtf8, equalBytes, fromHex } from "../bytes.js";
import type { Aead, CryptoProvider, DiffieHellman, Hash } from "./provider.js";

/*
 * Published answers that every primitive must give before it is used, with the refusals that matter.
 * A wrong implementation (a shim, a patched build, an engine's bug) is thus never used silently.
 */

const attempt = (check: () => boolean): boolean => {
  try {
    return check();
  } catch {
    return false;
  }
};

interface AeadAnswer {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly sealed: Uint8Array;
}

function aeadAnswers(aead: Aead, answer: AeadAnswer): boolean {
  const { key, nonce, aad, plaintext, sealed } = answer;
  const out = new Uint8Array(plaintext.length + 16);
  aead.sealInto(out, key, nonce, aad, plaintext);
  if (!equalBytes(out, sealed)) return false;
  const opened = aead.open(key, nonce, aad, sealed);
  if (opened === undefined || !equalBytes(opened, plaintext)) return false;
  out[out.length - 1] = (out[out.length - 1] as number) ^ 1;
  if (aead.open(key, nonce, aad, out) !== undefined) return false;
  if (aead.open(key, nonce, concat(aad, Uint8Array.of(0)), sealed) !== undefined) return false;
  return aead.open(key, nonce, aad, sealed.subarray(0, 15)) === undefined;
}

/** RFC 8439 section 2.8.2. */
const chachaPoly = (): AeadAnswer => ({
  key: fromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"),
  nonce: fromHex("070000004041424344454647"),
  aad: fromHex("50515253c0c1c2c3c4c5c6c7"),
  plaintext: encodeUtf8("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."),
  sealed: fromHex(
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
  ),
});

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16. */
const aesGcm = (): AeadAnswer => ({
  key: fromHex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
  nonce: fromHex("cafebabefacedbaddecaf888"),
  aad: fromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
  plaintext: fromHex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
  sealed: fromHex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
  ),
});

function hashAnswers(hash: Hash, name: Hash["name"], abc: string, hmac: string): boolean {
  return (
    hash.name === name &&
    equalBytes(hash.digest(encodeUtf8("a"), encodeUtf8("bc")), fromHex(abc)) &&
    equalBytes(hash.hmac(encodeUtf8("Jefe"), encodeUtf8("what do ya want "), encodeUtf8("for nothing?")), fromHex(hmac))
  );
}

/** RFC 7748 section 6.1, and a point of small order that must be refused. */
function x25519Answers(dh: DiffieHellman): boolean {
  const alice = dh.keyPair(fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  if (!equalBytes(alice.publicKey, fromHex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"))) return false;
  const shared = dh.shared(alice.secretKey, fromHex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
  if (!equalBytes(shared, fromHex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"))) return false;
  try {
    dh.shared(alice.secretKey, new Uint8Array(32));
    return false;
  } catch {
    return true;
  }
}

export type Primitive = Exclude<keyof CryptoProvider, "name">;

export const passes: { readonly [name in Primitive]: (primitive: CryptoProvider[name]) => boolean } = {
  chachaPoly: (aead) => attempt(() => aeadAnswers(aead, chachaPoly())),
  aesGcm: (aead) => attempt(() => aeadAnswers(aead, aesGcm())),
  /** FIPS 180-4 "abc"; RFC 4231 test case 2. */
  sha256: (hash) =>
    attempt(() =>
      hashAnswers(
        hash,
        "SHA256",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      ),
    ),
  /** RFC 7693 appendix B; the HMAC of the same text as above, on which OpenSSL and noble agree. */
  blake2s: (hash) =>
    attempt(() =>
      hashAnswers(
        hash,
        "BLAKE2s",
        "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
        "90b6281e2f3038c9056af0b4a7e763cae6fe5d9eb4386a0ec95237890c104ff0",
      ),
    ),
  x25519: (dh) => attempt(() => x25519Answers(dh)),
};
