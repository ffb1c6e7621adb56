import { TightbeamError } from "../../errors.js";
import { limitsFrom } from "../../given-limits.js";
import { checkKnown } from "../../known-options.js";
import { checkUrl } from "../jwks-url.js";
import type { TokenEndpointLimits, TokenEndpointOptions } from "./types.js";

const defaults: TokenEndpointLimits = {
  bodyBytes: 16 * 1024,
  bodyTimeout: 5_000,
  concurrent: 256,
  concurrentPerSource: 16,
  perMinute: 6_000,
  perMinutePerSource: 120,
  perMinutePerAgent: 120,
  keysPerAgent: 256,
};

export interface CheckedEndpoint {
  readonly url: string;
  readonly jwksUrl: string;
  readonly limits: TokenEndpointLimits;
}

const names: readonly (keyof TokenEndpointOptions)[] = ["url", "credentials", "jwksUrl", "allowInsecure", "audiences", "nonce", "limits", "onEvent"];

/** Throws `invalid_argument`. */
export function checkEndpoint(options: TokenEndpointOptions): CheckedEndpoint {
  checkKnown("authority.accept", options, names);
  const { allowInsecure = false, limits: given = {} } = options;
  const url = checkUrl(options.url, "endpoint's", allowInsecure);
  const jwksUrl = checkUrl(options.jwksUrl ?? new URL("jwks", url).href, "authority's JWKS", allowInsecure);
  if (/[?#]/.test(url)) throw new TightbeamError("invalid_argument", "The endpoint's `url` has no query and no fragment.");
  if (pathOf(url) === pathOf(jwksUrl)) throw new TightbeamError("invalid_argument", "The endpoint's `url` and `jwksUrl` have the same path.");
  return { url, jwksUrl, limits: limitsFrom("authority.accept", given, defaults) };
}

export const pathOf = (url: string): string => new URL(url).pathname;
