// A module of its own, so that a bundler that splits at `await import()` takes no more of the library than this.
export { gcm } from "@noble/ciphers/aes.js";
