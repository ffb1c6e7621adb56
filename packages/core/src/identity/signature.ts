import { onDemand } from "../on-demand.js";

/** jose's verification of a JWS, which costs 12 ms to import. Bundles for browsers take signature-browser.ts instead (`browser` in package.json). */
export const loadVerify = onDemand(async () => (await import("jose/jws/compact/verify")).compactVerify);
