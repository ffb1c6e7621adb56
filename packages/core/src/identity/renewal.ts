import { isTightbeamError, TightbeamError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { isBoundTo } from "./credential.js";
import { isJsonObject } from "./json.js";
import { readToken } from "./shape.js";
import type { RenewalEvent, SigningKey } from "./types.js";

const retryMinMs = 1_000;
const retryMaxMs = 60_000;
/** A token nobody asked for in this time is no longer renewed. */
const unusedMs = 24 * 3_600_000;

export interface RenewalOptions {
  readonly audience: string | undefined;
  readonly key: SigningKey;
  readonly issue: () => Promise<string>;
  /** ms for one call of `issue`. */
  readonly timeout: number;
  readonly runtime: Runtime;
  readonly emit: (event: RenewalEvent) => void;
}

/** One token that is kept current. */
export interface Renewal {
  /** The token, issued on first use. Throws what `issue` threw (`issuer_unavailable` with it as cause unless it is a TightbeamError) when there never was one, `expired_token` when it could not be renewed in time. */
  token(): Promise<string>;
  /** Wall ms; 0 before the first token. */
  readonly expiresAt: number;
  stop(): void;
}

interface Held {
  readonly token: string;
  readonly expiresAt: number;
  readonly renewAt: number;
}

export function createRenewal(options: RenewalOptions): Renewal {
  const { audience, key, runtime, emit } = options;
  const { clock, timers } = runtime;
  let held: Held | undefined;
  let inFlight: Promise<void> | undefined;
  let failures = 0;
  let failure: unknown;
  let failedAt = Number.NEGATIVE_INFINITY;
  let askedAt = clock.monotonic();
  let stopped = false;
  let cancelTimer: () => void = () => undefined;

  /** Shorter as the expiry comes near: an authority that is back in time must be asked in time. */
  const backoff = (): number => {
    const left = held === undefined ? retryMaxMs : Math.max(held.expiresAt - clock.wall(), 0);
    return Math.max(retryMinMs, Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(failures - 1, 10), left / 4)) * jitter(runtime);
  };

  async function issueOnce(): Promise<void> {
    try {
      const before = held;
      held = hold(await withTimeout(options.issue, options.timeout, runtime), key, runtime);
      failures = 0;
      failure = undefined;
      arm(held.renewAt - clock.wall());
      if (before !== undefined && !stopped) emit({ type: "renewed", audience, expiresAt: held.expiresAt });
    } catch (error) {
      failures++;
      failure = error;
      failedAt = clock.monotonic();
      if (held === undefined) return;
      arm(backoff());
      if (!stopped) emit({ type: "renewal_failed", audience, expiresAt: held.expiresAt, error });
    }
  }

  /** One at a time; never rejects: what went wrong is in `failure`. */
  function renew(): Promise<void> {
    inFlight ??= issueOnce().finally(() => {
      inFlight = undefined;
    });
    return inFlight;
  }

  function arm(ms: number): void {
    cancelTimer();
    if (stopped) return;
    cancelTimer = timers.after(
      ms,
      () => {
        if (clock.monotonic() - askedAt < unusedMs) void renew();
      },
      { background: true },
    );
  }

  const valid = (now: number): Held | undefined => (held !== undefined && now < held.expiresAt ? held : undefined);

  function failed(): TightbeamError {
    if (held === undefined)
      return isTightbeamError(failure)
        ? failure
        : new TightbeamError("issuer_unavailable", "The authority issued no token: check that it answers.", { cause: failure });
    return new TightbeamError("expired_token", "This agent's token has expired and could not be renewed: check that its authority answers.", {
      cause: failure,
    });
  }

  return {
    get expiresAt() {
      return held?.expiresAt ?? 0;
    },
    async token() {
      askedAt = clock.monotonic();
      const now = clock.wall();
      const current = valid(now);
      const rested = failure === undefined || clock.monotonic() - failedAt >= retryMinMs;
      if (current !== undefined) {
        // A suspended process, or one whose token nobody wanted for a day, has no timer that fired in time.
        if (now >= current.renewAt && rested) void renew();
        return current.token;
      }
      if (inFlight === undefined && !rested) throw failed();
      await renew();
      const fresh = valid(clock.wall());
      if (fresh === undefined) throw failed();
      return fresh.token;
    },
    stop() {
      stopped = true;
      cancelTimer();
    },
  };
}

/** 0.9 to 1. */
const jitter = (runtime: Runtime): number => 0.9 + ((runtime.random.bytes(1)[0] as number) / 255) * 0.1;

/** Renewal at two thirds of what is left of the lifetime, up to 10 % earlier: never later, so that a third of it is left for an authority that is down. Refuses a token that is of no use to this key at this time. */
function hold(token: string, key: SigningKey, runtime: Runtime): Held {
  const { exp, cnf } = readToken(token).claims;
  if (typeof exp !== "number" || !Number.isFinite(exp)) throw new TightbeamError("invalid_token", "The authority issued a token without 'exp'.");
  if (isJsonObject(cnf) && !isBoundTo(cnf, key))
    throw new TightbeamError("invalid_token", "The authority bound the token to another key than this identity's.");
  const now = runtime.clock.wall();
  const expiresAt = Math.floor(exp * 1000);
  if (expiresAt <= now)
    throw new TightbeamError("expired_token", "The authority issued a token that has expired already: compare the clocks of both machines.");
  return { token, expiresAt, renewAt: now + (expiresAt - now) * (2 / 3) * jitter(runtime) };
}

async function withTimeout(issue: () => Promise<string>, ms: number, runtime: Runtime): Promise<string> {
  let cancel: () => void = () => undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new TightbeamError("issuer_unavailable", `The authority did not answer within ${ms} ms.`));
    cancel = runtime.timers.after(ms, fail, { background: true });
  });
  try {
    return await Promise.race([Promise.resolve().then(issue), late]);
  } finally {
    cancel();
  }
}
