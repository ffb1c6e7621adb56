import type { Aead, CryptoProvider, VerifyBackend } from "./provider.js";
import { x25519 } from "./x25519.js";

// platform.ts for bundles that run in browsers.

export const nativeProvider = (): Partial<CryptoProvider> => ({});

export const nodeVerify: VerifyBackend | undefined = undefined;

export const mixedAead = (native: Aead): Aead => native;

/** Part of the bundle: every page that links needs it, and a file of its own would be larger. */
export const loadX25519 = async () => x25519;
