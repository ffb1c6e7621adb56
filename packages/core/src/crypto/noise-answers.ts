import { hex } from "../bytes.js";
import { aeadAnswers, attempt, hashAnswers } from "./known-answers.js";
import type { Aead, Hash } from "./provider.js";

// For the primitives that links do not use, and `@tightbeam/core/noise` does: loaded with them.

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16. */
export const aesGcmPasses = (aead: Aead): boolean =>
  attempt(() =>
    aeadAnswers(aead, {
      key: hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
      nonce: hex("cafebabefacedbaddecaf888"),
      aad: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      plaintext: hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
      tag: hex("76fc6ece0f4e1768cddf8853bb2d551b"),
    }),
  );

/** RFC 7693 appendix B; the HMAC of the same text as for SHA-256, on which OpenSSL and noble agree. */
export const blake2sPasses = (hash: Hash): boolean =>
  attempt(() =>
    hashAnswers(
      hash,
      "BLAKE2s",
      "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982",
      "90b6281e2f3038c9056af0b4a7e763cae6fe5d9eb4386a0ec95237890c104ff0",
    ),
  );
