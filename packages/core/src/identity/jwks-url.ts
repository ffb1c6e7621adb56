import { TightbeamError } from "../errors.js";
import { onDemand } from "../on-demand.js";
import { systemRuntime } from "../runtime/system.js";
import type { PublicTokenAlgorithm } from "./algorithms.js";
import type { KeySource } from "./key-set.js";
import type { CheckedRemoteOptions, RemoteKeySetOptions } from "./remote-key-set.js";

const maxAgeMax = 60_000;

export const remoteNames: readonly (keyof RemoteKeySetOptions)[] = ["fetch", "allowInsecure", "timeout", "maxAge", "cooldown", "staleFor", "runtime"];

/**
 * The keys behind an https URL (or loopback http where allowed). Throws `invalid_argument` at once for what can never do; what fetches is
 * loaded with the first token.
 */
export function keysFromUrl(text: string, allowed: readonly PublicTokenAlgorithm[] | undefined, options: RemoteKeySetOptions): KeySource {
  const url = checkUrl(text, "JWKS", options.allowInsecure === true);
  const checked = checkRemoteOptions(options);
  const source = onDemand(async () => (await import("./remote-key-set.js")).remoteKeys(url, allowed, checked));
  return {
    find: async (alg, kid) => (await source()).find(alg, kid),
    has: async (id) => (await source()).has(id),
  };
}

/** With defaults. Throws `invalid_argument`. */
export const checkRemoteOptions = (options: RemoteKeySetOptions): CheckedRemoteOptions => ({
  fetch: options.fetch,
  runtime: options.runtime ?? systemRuntime(),
  maxAge: Math.min(bounded("maxAge", options.maxAge, maxAgeMax), maxAgeMax),
  cooldown: bounded("cooldown", options.cooldown, 10_000),
  staleFor: bounded("staleFor", options.staleFor, 30 * 60_000),
  timeout: bounded("timeout", options.timeout, 5_000),
});

function bounded(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (!(Number.isFinite(value) && value >= 0)) throw new TightbeamError("invalid_argument", `\`${name}\` is a number of ms, 0 or more.`);
  return value;
}

/** https, or http on a loopback address where that is allowed; normalised. Throws `invalid_argument`. */
export function checkUrl(text: string, name: string, allowInsecure: boolean): string {
  const refuse = (why: string): never => {
    throw new TightbeamError("invalid_argument", `The ${name} URL ${why}.`);
  };
  const url = URL.canParse(text) ? new URL(text) : refuse("is not a URL");
  if (url.username !== "" || url.password !== "") refuse("must not hold a user name or password");
  if (url.protocol === "https:") return url.href;
  if (url.protocol !== "http:") refuse("must begin with https:");
  if (!allowInsecure) refuse("must begin with https: (http: needs `allowInsecure` and a loopback address)");
  if (!isLoopback(url.hostname)) refuse("may use http: for a loopback address only");
  return url.href;
}

const isLoopback = (host: string): boolean => /^(?:localhost|\[::1\]|127\.\d+\.\d+\.\d+)$/.test(host);
