import type { WithDefaults } from "../known-options.js";
import * as limits from "../limits.js";

export interface RetryBudget {
  /** Retries that each operation pays for. Default 0.1: one in ten. */
  readonly ratio?: number | undefined;
  /** Retries a second that are allowed besides, so that those who ask seldom may try again too. Default 1. */
  readonly perSecond?: number | undefined;
  /** What is saved up at most, and there at first. Default 10. */
  readonly burst?: number | undefined;
}

interface Account {
  readonly peer: string;
  tokens: number;
  at: number;
}

/**
 * How many retries may be made, for each peer: in any time at most `burst` + `perSecond` for each second + `ratio` for each operation. So when
 * everything fails, retries add a tenth to the load and do not multiply it (after Finagle's RetryBudget and gRPC's retry throttling, gRFC A6).
 */
export class RetryAccounts {
  readonly #ratio: number;
  readonly #perMs: number;
  readonly #burst: number;
  readonly #accounts = new Map<string, Account>();
  /** Of whom it was last, as most often again. */
  #last: Account | undefined;

  constructor({ ratio, perSecond, burst }: WithDefaults<RetryBudget>) {
    this.#ratio = ratio;
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
  }

  get size(): number {
    return this.#accounts.size;
  }

  earn(peer: string, now: number): void {
    const account = this.#of(peer, now);
    account.tokens = Math.min(this.#burst, account.tokens + this.#ratio);
  }

  /** False: no retry now. */
  take(peer: string, now: number): boolean {
    const account = this.#of(peer, now);
    account.tokens = this.#tokensAt(account, now);
    account.at = now;
    // Sums of ratios that are no binary fractions: a millionth of a token misses nothing.
    if (account.tokens < 1 - 1e-6) return false;
    account.tokens = Math.max(account.tokens - 1, 0);
    return true;
  }

  #tokensAt({ tokens, at }: Account, now: number): number {
    return Math.min(this.#burst, tokens + Math.max(now - at, 0) * this.#perMs);
  }

  #of(peer: string, now: number): Account {
    const last = this.#last;
    if (last?.peer === peer) return last;
    const account = this.#accounts.get(peer) ?? this.#open(peer, now);
    this.#last = account;
    return account;
  }

  #open(peer: string, now: number): Account {
    if (this.#accounts.size >= limits.retryAccounts) this.#makeRoom(now);
    const account = { peer, tokens: this.#burst, at: now };
    this.#accounts.set(peer, account);
    return account;
  }

  /** Full ones say nothing; if there are none, a tenth of them goes, the oldest. */
  #makeRoom(now: number): void {
    for (const [peer, account] of this.#accounts) if (this.#tokensAt(account, now) >= this.#burst) this.#accounts.delete(peer);
    let most = this.#accounts.size >= limits.retryAccounts ? Math.ceil(limits.retryAccounts / 10) : 0;
    for (const peer of this.#accounts.keys()) {
      if (most-- <= 0) return;
      this.#accounts.delete(peer);
    }
  }
}
