import { isTightbeamError, TightbeamError } from "../errors.js";
import { checkKnown, type WithDefaults } from "../known-options.js";
import * as limits from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import { fullJitter } from "./backoff.js";
import { nothingWasDone } from "./outcome.js";
import { RetryAccounts, type RetryBudget } from "./retry-budget.js";
import { bindOnce, bound, checkFunction, checkNumber, defineStep, type StepRun, type StepWork, timerMax } from "./step.js";
import type { RetryStatus, Step } from "./types.js";

export interface RetryOptions {
  /** How often in all, the first attempt included. Default 3. */
  readonly attempts?: number | undefined;
  /** ms: the first retry comes after a random part of this, each further one after a random part of twice as much. Default 100. */
  readonly base?: number | undefined;
  /** ms: of no more than this. At least `base`. Default 10,000, or `base` where that is more. */
  readonly cap?: number | undefined;
  /** The most of a peer's `retryAfter` that is believed, ms. The random part comes on top. Default 30,000. */
  readonly retryAfterMax?: number | undefined;
  /** Which errors are worth another attempt. Default: `error.retryable`. Whatever it says, an error that leaves open whether the operation was done ends one that is not idempotent. */
  readonly retryable?: ((error: unknown) => boolean) | undefined;
  /** How many retries may be made, for each peer. `false`: as many as there are. */
  readonly budget?: RetryBudget | false | undefined;
}

export type Retry = Step<RetryStatus>;

type Settings = WithDefaults<Omit<RetryOptions, "retryable" | "budget">> & Pick<RetryOptions, "retryable">;

class RetryWork implements StepWork {
  calls = 0;
  retries = 0;
  readonly gaveUp = { attempts: 0, budget: 0, deadline: 0 };
  readonly #settings: Settings;
  readonly #accounts: RetryAccounts | undefined;
  #runtime: Runtime | undefined;

  constructor(settings: Settings, accounts: RetryAccounts | undefined) {
    this.#settings = settings;
    this.#accounts = accounts;
  }

  bind(runtime: Runtime): void {
    this.#runtime = bindOnce(this.#runtime, runtime);
  }

  enter(run: StepRun, at: number): undefined {
    this.calls++;
    // Nothing kept is one attempt: all that most operations need.
    if (run.number > 0) run.keep(at, 1);
    this.#accounts?.earn(run.operation.peer, run.now);
  }

  succeeded(): void {
    // What it keeps is in the run.
  }

  failed(run: StepRun, at: number, error: unknown): number | undefined {
    if (run.operation.signal?.aborted || !this.#isWorthIt(run, error)) return undefined;
    const { attempts, base, cap, retryAfterMax } = this.#settings;
    const { clock, random } = bound(this.#runtime);
    const { peer, method } = run.operation;
    const made = (run.kept(at) ?? 1) as number;
    if (made >= attempts) return this.#giveUp("attempts");
    const now = clock.monotonic();
    const delay = Math.min(saidAfter(error), retryAfterMax) + fullJitter(random, base, cap, made);
    if (now + delay >= run.until) return this.#giveUp("deadline");
    if (this.#accounts?.take(peer, now) === false) {
      run.emit({ type: "retry_refused", peer, method, error });
      return this.#giveUp("budget");
    }
    this.retries++;
    run.keep(at, made + 1);
    run.repeats(error);
    run.emit({ type: "retried", peer, method, attempt: made + 1, delay, error });
    return delay;
  }

  #giveUp(why: keyof RetryStatus["gaveUp"]): undefined {
    this.gaveUp[why]++;
  }

  #isWorthIt(run: StepRun, error: unknown): boolean {
    const { retryable } = this.#settings;
    const own = isTightbeamError(error);
    // An application that names its own errors knows what they mean; what ours mean is written down.
    if (own && !(run.operation.idempotent || run.refused || nothingWasDone(error))) return false;
    if (retryable === undefined) return own && error.retryable;
    try {
      return retryable(error) === true;
    } catch {
      return false;
    }
  }
}

/** Of what a peer told, a number of ms is left. */
const saidAfter = (error: unknown): number => {
  const after = isTightbeamError(error) ? error.retryAfter : undefined;
  return typeof after === "number" && after > 0 ? after : 0;
};

const known = ["attempts", "base", "cap", "retryAfterMax", "retryable", "budget"];

/** Tries again what failed in a way that may pass. Throws `invalid_argument`. */
export function retry(options: RetryOptions = {}): Retry {
  checkKnown("retry()", options, known);
  const { attempts = 3, base = 100, cap = Math.max(10_000, base), retryAfterMax = 30_000, retryable, budget = {} } = options;
  checkNumber("retry({ attempts })", attempts, 1, limits.retryAttemptsMax, true);
  checkNumber("retry({ base })", base, 0, timerMax, false);
  checkNumber("retry({ cap })", cap, 0, timerMax / 2, false);
  if (cap < base) throw new TightbeamError("invalid_argument", `retry({ cap }) is the longest wait, and shorter than the first, base: ${cap} and ${base} ms.`);
  checkNumber("retry({ retryAfterMax })", retryAfterMax, 0, timerMax / 2, false);
  checkFunction("retry({ retryable })", retryable);
  const work = new RetryWork({ attempts, base, cap, retryAfterMax, ...(retryable === undefined ? {} : { retryable }) }, accountsOf(budget));
  const status = (): RetryStatus => ({ kind: "retry", calls: work.calls, retries: work.retries, gaveUp: { ...work.gaveUp } });
  return defineStep({ kind: "retry", status }, work);
}

function accountsOf(budget: RetryBudget | false): RetryAccounts | undefined {
  if (budget === false) return undefined;
  if (budget === (true as unknown)) throw new TightbeamError("invalid_argument", "retry({ budget }) is { ratio, perSecond, burst } or false.");
  checkKnown("retry({ budget })", budget, ["ratio", "perSecond", "burst"]);
  const { ratio = 0.1, perSecond = 1, burst = 10 } = budget;
  checkNumber("retry({ budget: { ratio } })", ratio, 0, 100, false);
  checkNumber("retry({ budget: { perSecond } })", perSecond, 0, 1e6, false);
  checkNumber("retry({ budget: { burst } })", burst, 0, 1e6, false);
  return new RetryAccounts({ ratio, perSecond, burst });
}
