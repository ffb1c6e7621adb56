// Sizes of ML-KEM-768: FIPS 203, table 3.

export const seed = 64;
export const m = 32;
export const publicKey = 1184;
export const ciphertext = 1088;
export const sharedSecret = 32;
