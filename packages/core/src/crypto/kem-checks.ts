import { TightbeamError } from "../errors.js";
import { checkLength } from "./checks.js";
import * as kemBytes from "./kem-bytes.js";

export const checkSeed = (seed: Uint8Array): void => checkLength(seed, kemBytes.seed, "an ML-KEM-768 seed");
export const checkM = (m: Uint8Array): void => checkLength(m, kemBytes.m, "the randomness m of ML-KEM-768");
export const checkPublic = (key: Uint8Array): void => checkLength(key, kemBytes.publicKey, "an ML-KEM-768 encapsulation key", "invalid_key");
export const checkCiphertext = (text: Uint8Array): void => checkLength(text, kemBytes.ciphertext, "an ML-KEM-768 ciphertext", "malformed");
export const notCanonical = (): TightbeamError => new TightbeamError("invalid_key", "the ML-KEM-768 encapsulation key is not canonical (FIPS 203, 7.2)");
