import { compactVerify } from "jose/jws/compact/verify";

/** signature.ts for bundles that run in browsers: every page that links needs it, and a file of its own would be larger and later. */
export const loadVerify = async () => compactVerify;
