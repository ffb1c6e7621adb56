import { toBase64url } from "../bytes.js";
import type { Random } from "../runtime/runtime.js";

/** A fresh instance: 128 random bits as 22 base64url characters. */
export const randomInstance = (random: Random): string => toBase64url(random.bytes(16));
