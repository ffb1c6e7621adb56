export { loadKem } from "./load-kem.js";
export type { Aead, CryptoProvider, DiffieHellman, Hash, Kem, KeyPair } from "./provider.js";
export { aeadThreshold, crypto, type Loadable, loadCrypto } from "./select.js";
