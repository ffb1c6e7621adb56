import { TightbeamError } from "../errors.js";
import * as limits from "../limits.js";
import type { Runtime } from "../runtime/runtime.js";
import { noAnswer } from "../secure/verdict.js";
import { createSignalWatch } from "../signal-watch.js";
import { type Address, agentAddress, inboxAddress } from "../transport/address.js";
import type { LinkEnd, LinkTarget } from "./link-types.js";

export interface DialsOptions {
  readonly runtime: Runtime;
  readonly find: (target: LinkTarget) => LinkEnd | undefined;
  readonly dial: (to: Address, options: { readonly timeout: number; readonly signal: AbortSignal }) => Promise<LinkEnd>;
}

interface SharedDial {
  readonly result: Promise<LinkEnd>;
  readonly abort: AbortController;
  waiters: number;
}

/** Handshakes under way, one per address: whoever wants the same peer waits for the same one. */
export interface Dials {
  connect(target: LinkTarget, options: { readonly timeout: number; readonly signal?: AbortSignal | undefined }): Promise<LinkEnd>;
  /** There is a link again with an instance that answers: whoever waits for any instance of its agent takes it. */
  arrived(link: LinkEnd): void;
  /** A new session for this link, with its instance. */
  renew(link: LinkEnd): Promise<unknown>;
}

export function createDials({ runtime, find, dial }: DialsOptions): Dials {
  const { clock, timers } = runtime;
  const signals = createSignalWatch();
  const underWay = new Map<Address, SharedDial>();
  /** Those who wait for any instance of an agent. */
  const waiting = new Map<string, Set<(link: LinkEnd) => void>>();

  const share = (to: Address, timeout: number): SharedDial => {
    const existing = underWay.get(to);
    if (existing !== undefined) return existing;
    const abort = new AbortController();
    const result = dial(to, { timeout, signal: abort.signal });
    const shared: SharedDial = { result, abort, waiters: 0 };
    underWay.set(to, shared);
    const over = (): void => {
      if (underWay.get(to) === shared) underWay.delete(to);
    };
    result.then(over, over);
    return shared;
  };

  const onArrival = (id: string, take: (link: LinkEnd) => void): (() => void) => {
    const waiters = waiting.get(id) ?? new Set();
    waiting.set(id, waiters.add(take));
    return () => {
      waiters.delete(take);
      if (waiters.size === 0 && waiting.get(id) === waiters) waiting.delete(id);
    };
  };

  /** Waits for a shared dial no longer than `ms`, or for another link with the agent `anyOf`; the last to leave ends the dial, unless a link came another way. */
  const wait = async (to: Address, shared: SharedDial, ms: number, signal: AbortSignal | undefined, anyOf?: string): Promise<LinkEnd | "late"> => {
    shared.waiters++;
    let cancel: (() => void) | undefined;
    let ignore: (() => void) | undefined;
    let leave: (() => void) | undefined;
    let came = false;
    try {
      const limit = new Promise<"late">((resolve, reject) => {
        cancel = timers.after(ms, () => resolve("late"));
        const onAbort = (): void =>
          reject(new TightbeamError("cancelled", "The operation was cancelled while it waited for a link.", { cause: signal?.reason }));
        ignore = signal && signals.on(signal, onAbort);
      });
      const other = new Promise<LinkEnd>((resolve) => {
        if (anyOf !== undefined)
          leave = onArrival(anyOf, (link) => {
            came = true;
            resolve(link);
          });
      });
      return await Promise.race([shared.result, limit, other]);
    } finally {
      cancel?.();
      leave?.();
      ignore?.();
      shared.waiters--;
      if (shared.waiters === 0 && !came) {
        if (underWay.get(to) === shared) underWay.delete(to);
        shared.abort.abort("unwanted");
      }
    }
  };

  return {
    async connect(target, { timeout, signal }) {
      const to = target.instance === undefined ? agentAddress(target.id) : inboxAddress(target.id, target.instance);
      const start = clock.monotonic();
      for (;;) {
        const found = find(target);
        if (found !== undefined) return found;
        if (signal?.aborted) throw new TightbeamError("cancelled", "The operation was cancelled before it began.", { cause: signal.reason });
        const left = timeout - (clock.monotonic() - start);
        try {
          const link = left > 0 ? await wait(to, share(to, left), left, signal, target.instance === undefined ? target.id : undefined) : "late";
          if (link !== "late") return link;
        } catch (error) {
          // A shorter-lived caller's dial ended; ours has time left.
          const again =
            error instanceof TightbeamError && (error.code === "no_answer" || error.code === "link_state_lost") && timeout - (clock.monotonic() - start) > 1;
          if (!again) throw error;
          continue;
        }
        throw noAnswer(to, Math.round(clock.monotonic() - start));
      }
    },
    arrived(link) {
      for (const take of waiting.get(link.peer.id) ?? []) take(link);
    },
    renew(link) {
      const to = link.peer.inbox;
      const shared = share(to, limits.handshakeDeadlineMs);
      return wait(to, shared, limits.handshakeDeadlineMs, undefined);
    },
  };
}
