import { concat, encodeUtf8, equalBytes, hex } from "../bytes.js";
import type { Aead, DiffieHellman, Hash } from "./provider.js";

/*
 * Published answers that every primitive must give before it is used, with the refusals that matter.
 * A wrong implementation (a shim, a patched build, an engine's bug) is thus never used silently.
 */

/** False when it throws. */
export const attempt = (check: () => boolean): boolean => {
  try {
    return check();
  } catch {
    return false;
  }
};

export interface AeadAnswer {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly tag: Uint8Array;
}

/** The tag is a function of the whole ciphertext, and `open` computes it again from the bytes written: both right, so is every byte. */
export function aeadAnswers(aead: Aead, answer: AeadAnswer): boolean {
  const { key, nonce, aad, plaintext, tag } = answer;
  const sealed = new Uint8Array(plaintext.length + 16);
  aead.sealInto(sealed, key, nonce, aad, plaintext);
  if (!equalBytes(sealed.subarray(plaintext.length), tag)) return false;
  const opened = aead.open(key, nonce, aad, sealed);
  if (opened === undefined || !equalBytes(opened, plaintext)) return false;
  if (aead.open(key, nonce, concat(aad, Uint8Array.of(0)), sealed) !== undefined) return false;
  if (aead.open(key, nonce, aad, sealed.subarray(0, 15)) !== undefined) return false;
  sealed[plaintext.length - 1] = (sealed[plaintext.length - 1] as number) ^ 1;
  return aead.open(key, nonce, aad, sealed) === undefined;
}

export function hashAnswers(hash: Hash, name: Hash["name"], abc: string, hmac: string): boolean {
  return (
    hash.name === name &&
    equalBytes(hash.digest(encodeUtf8("a"), encodeUtf8("bc")), hex(abc)) &&
    equalBytes(hash.hmac(encodeUtf8("Jefe"), encodeUtf8("what do ya want "), encodeUtf8("for nothing?")), hex(hmac))
  );
}

/** RFC 7748, section 6.1: Alice's secret key, Bob's, and what they share, which is right only if Bob's public key is. And a point of small order that must be refused. */
function x25519Answers(dh: DiffieHellman): boolean {
  const alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const bob = dh.keyPair(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  const shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  if (!equalBytes(dh.shared(alice, bob.publicKey), shared)) return false;
  try {
    dh.shared(alice, new Uint8Array(32));
    return false;
  } catch {
    return true;
  }
}

/** RFC 8439, section 2.8.2. */
export const chachaPolyPasses = (aead: Aead): boolean =>
  attempt(() =>
    aeadAnswers(aead, {
      key: Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i),
      nonce: hex("070000004041424344454647"),
      aad: hex("50515253c0c1c2c3c4c5c6c7"),
      plaintext: encodeUtf8("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."),
      tag: hex("1ae10b594f09e26a7e902ecbd0600691"),
    }),
  );

/** FIPS 180-4 "abc"; RFC 4231 test case 2. */
export const sha256Passes = (hash: Hash): boolean =>
  attempt(() =>
    hashAnswers(
      hash,
      "SHA256",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
  );

export const x25519Passes = (dh: DiffieHellman): boolean => attempt(() => x25519Answers(dh));
