import { type AwaitUsing, awaitUsing } from "../disposable.js";
import { TightbeamError } from "../errors.js";
import { checkKnown } from "../known-options.js";
import type { Runtime } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { isAgentId } from "../transport/address.js";
import { generateKey } from "./key.js";
import { createRenewal, type Renewal } from "./renewal.js";
import type { Identity, PublicJwk, RenewalEvent, SigningKey } from "./types.js";

/** Plain data: it may go to another process as it is. */
export interface IssueRequest {
  /** Absent for peers; a relay's audience for a login there. */
  readonly audience?: string;
  /** The key the token must be bound to. */
  readonly publicJwk: PublicJwk;
}

export interface CreateIdentityOptions {
  readonly id: string;
  readonly key: SigningKey;
  /** Asks the authority for a token. `key` is the request's, to prove that it is ours. One call per audience at a time; a call that takes longer than `timeout` has failed. */
  readonly issue: (request: IssueRequest, key: SigningKey) => Promise<string>;
  /** ms. Default 30,000. */
  readonly timeout?: number | undefined;
  readonly runtime?: Runtime | undefined;
}

/** An identity whose tokens renew themselves and whose key can be replaced. */
export interface ManagedIdentity extends Identity, AwaitUsing {
  /** The key of the tokens handed out now. Use `credential(identity)` to get both as one. */
  readonly key: SigningKey;
  onRenewal(listener: (event: RenewalEvent) => void): () => void;
  /** Gets tokens for a new key (default: a generated one of the same kind), for every audience in use, then switches key and tokens at once. On failure nothing has changed. */
  rotateKey(key?: SigningKey): Promise<void>;
  /** Stops renewing. Tokens at hand serve until they expire. Idempotent. */
  close(): void;
}

/** Audiences kept at a time; the one asked for longest ago goes. */
const audiencesMax = 16;
const audienceGrammar = /^[\x21-\x7e]{1,256}$/;

/**
 * Tokens are asked for on first use, cached per audience, and renewed at two thirds of their lifetime (+- 10 %). A failed renewal is
 * reported, repeated after 1 s to 1 min, and the old token serves until it expires; then `token()` throws `expired_token`.
 * Throws `invalid_argument`.
 */
export function createIdentity(options: CreateIdentityOptions): ManagedIdentity {
  checkKnown("createIdentity", options, ["id", "key", "issue", "timeout", "runtime"]);
  const { id, issue, timeout = 30_000, runtime = systemRuntime() } = options;
  if (!isAgentId(id)) throw new TightbeamError("invalid_argument", "An agent id is [realm/]name, each part 1 to 64 of A-Z a-z 0-9 _ -.");
  const listeners = new Set<(event: RenewalEvent) => void>();
  let closed = false;
  let rotation: Promise<void> = Promise.resolve();

  function emit(event: RenewalEvent): void {
    for (const listener of [...listeners]) {
      try {
        listener(event);
      } catch {
        // A listener's mistake is not the identity's.
      }
    }
  }

  /** Key and tokens belong together, so they are replaced together. */
  function createCredentials(key: SigningKey) {
    const renewals = new Map<string | undefined, Renewal>();
    return {
      key,
      /** Those that have a token. */
      audiences: (): (string | undefined)[] => [...renewals].filter(([, renewal]) => renewal.expiresAt > 0).map(([audience]) => audience),
      expiresAt: (audience: string | undefined): number => renewals.get(audience)?.expiresAt ?? 0,
      token(audience: string | undefined): Promise<string> {
        const renewal =
          renewals.get(audience) ??
          createRenewal({
            audience,
            key,
            issue: () => issue({ publicJwk: key.publicJwk, ...(audience === undefined ? {} : { audience }) }, key),
            timeout,
            runtime,
            emit,
          });
        if (closed) renewal.stop();
        renewals.delete(audience);
        renewals.set(audience, renewal);
        evict(renewals);
        return renewal.token();
      },
      stop(): void {
        for (const renewal of renewals.values()) renewal.stop();
      },
    };
  }

  let credentials = createCredentials(options.key);

  async function rotate(key: SigningKey | undefined): Promise<void> {
    const next = createCredentials(key ?? (await generateKey({ alg: credentials.key.alg, runtime })));
    const audiences = credentials.audiences();
    try {
      await Promise.all((audiences.length === 0 ? [undefined] : audiences).map((audience) => next.token(audience)));
    } catch (error) {
      next.stop();
      throw error;
    }
    credentials.stop();
    credentials = next;
    if (closed) next.stop();
    for (const audience of next.audiences()) emit({ type: "renewed", audience, expiresAt: next.expiresAt(audience) });
  }

  const identity = awaitUsing<ManagedIdentity>({
    id,
    get key() {
      return credentials.key;
    },
    async token(audience?: string) {
      if (audience !== undefined && !audienceGrammar.test(audience))
        throw new TightbeamError("invalid_argument", "An audience is 1 to 256 printable ASCII characters without spaces.");
      return credentials.token(audience);
    },
    onRenewal(listener: (event: RenewalEvent) => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    rotateKey(key?: SigningKey) {
      const mine = rotation.then(() => rotate(key));
      rotation = mine.catch(() => undefined);
      return mine;
    },
    close() {
      closed = true;
      credentials.stop();
    },
  });
  return Object.freeze(identity);
}

/** The peers' token is never the one to go. */
function evict(renewals: Map<string | undefined, Renewal>): void {
  if (renewals.size <= audiencesMax) return;
  for (const [audience, renewal] of renewals) {
    if (audience === undefined) continue;
    renewal.stop();
    renewals.delete(audience);
    return;
  }
}
