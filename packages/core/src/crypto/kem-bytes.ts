/** Sizes of ML-KEM-768: FIPS 203, table 3. */
export const kemBytes = { seed: 64, m: 32, publicKey: 1184, ciphertext: 1088, sharedSecret: 32 } as const;
