/*
 * What depends on whether the runtime may have `node:crypto`. Bundlers for browsers, which never have it, take platform-browser.ts
 * instead (`browser` in package.json). This one works everywhere, so nothing but size hangs on the choice.
 */
export { nativeProvider } from "./native.js";
export { nodeVerify } from "./node-crypto.js";
export { mixedAead } from "./threshold.js";

/** Node has its own: most processes never load this. */
export const loadX25519 = async () => (await import("./x25519.js")).x25519;
