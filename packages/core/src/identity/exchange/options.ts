import { TightbeamError } from "../../errors.js";
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
  checkKnown("authority.accept under limits", given, Object.keys(defaults));
  const limits: { -readonly [Name in keyof TokenEndpointLimits]: number } = { ...defaults };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (!(Number.isSafeInteger(value) && value >= 1)) throw new TightbeamError("invalid_argument", `The limit \`${name}\` is a whole number above 0.`);
    limits[name as keyof TokenEndpointLimits] = value;
  }
  return { url, jwksUrl, limits };
}

export const pathOf = (url: string): string => new URL(url).pathname;
