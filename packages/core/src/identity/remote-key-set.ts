import { TightbeamError } from "../errors.js";
import type { WithDefaults } from "../known-options.js";
import type { Runtime } from "../runtime/runtime.js";
import type { PublicTokenAlgorithm } from "./algorithms.js";
import { fetchDocument } from "./fetch-json.js";
import type { IssuerKey } from "./issuer-key.js";
import type { JsonObject } from "./json.js";
import { findKey, type KeySource, readKeySet } from "./key-set.js";

/** Times in ms. */
export interface RemoteKeySetOptions {
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Accept http: for a loopback address. Default false. */
  readonly allowInsecure?: boolean | undefined;
  /** For one fetch, body included. Default 5,000. */
  readonly timeout?: number | undefined;
  /** How long a fetched set counts without asking again; at most 60,000, the default: so long a removed key may still be accepted. */
  readonly maxAge?: number | undefined;
  /** Between two fetches for the sake of an unknown `kid`. Default 10,000. */
  readonly cooldown?: number | undefined;
  /** How much longer the last set may be used while the issuer cannot be reached. Default 30 min; 0 turns it off. */
  readonly staleFor?: number | undefined;
  readonly runtime?: Runtime | undefined;
}

export type CheckedRemoteOptions = WithDefaults<Omit<RemoteKeySetOptions, "fetch" | "allowInsecure">> & {
  readonly fetch?: typeof globalThis.fetch | undefined;
};

const retryMinMs = 1_000;
const retryMaxMs = 30_000;

const acceptKeySet = "application/jwk-set+json, application/json";

export const fetchKeySet = (url: string, options: CheckedRemoteOptions): Promise<JsonObject> => fetchDocument(url, "The JWKS URL", acceptKeySet, options);

/** The keys behind one URL. */
export const remoteKeys = (url: string, allowed: readonly PublicTokenAlgorithm[] | undefined, options: CheckedRemoteOptions): KeySource =>
  loadedKeys(async () => readKeySet(await fetchKeySet(url, options), allowed), options);

/** One fetch in flight at a time, started only when the set is too old, or for an unknown `kid` outside the cool-down. */
export function loadedKeys(load: () => Promise<readonly IssuerKey[]>, options: CheckedRemoteOptions): KeySource {
  const { runtime, maxAge, cooldown, staleFor } = options;

  let keys: readonly IssuerKey[] | undefined;
  /** When the fetch that gave `keys` began. */
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let failure: unknown;
  let notBefore = Number.NEGATIVE_INFINITY;
  let inFlight: Promise<void> | undefined;

  const now = (): number => runtime.clock.monotonic();

  /** Never rejects: what went wrong is in `failure`. */
  async function refresh(): Promise<void> {
    const startedAt = now();
    try {
      keys = await load();
      fetchedAt = startedAt;
      failures = 0;
      failure = undefined;
    } catch (error) {
      failure = error;
      notBefore = now() + Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failures++, 10));
    }
  }

  const join = (): Promise<void> => {
    inFlight ??= refresh().finally(() => {
      inFlight = undefined;
    });
    return inFlight;
  };
  const mayAsk = (): boolean => inFlight !== undefined || now() >= notBefore;
  const unavailable = (): TightbeamError =>
    new TightbeamError("issuer_unavailable", "The issuer's keys could not be fetched: check that its JWKS URL answers.", {
      cause: failure,
      retryAfter: Math.max(0, Math.ceil(notBefore - now())),
    });

  async function current(): Promise<readonly IssuerKey[]> {
    if (keys !== undefined && now() - fetchedAt < maxAge) return keys;
    if (mayAsk()) await join();
    if (keys !== undefined && now() - fetchedAt < maxAge + staleFor) return keys;
    throw unavailable();
  }

  return {
    async find(alg, kid) {
      const found = findKey(await current(), alg, kid);
      if (found !== undefined) return found;
      if (inFlight === undefined && (now() - fetchedAt < cooldown || !mayAsk())) return undefined;
      await join();
      if (failure !== undefined) throw unavailable();
      return findKey(await current(), alg, kid);
    },
    has: async (id) => (await current()).some((key) => key.id === id),
  };
}
