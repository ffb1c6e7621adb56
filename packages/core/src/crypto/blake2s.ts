// A module of its own, so that a bundler that splits at `await import()` takes no more of the library than this.
export { blake2s } from "@noble/hashes/blake2.js";
