import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import { onDemand } from "../../on-demand.js";
import type { Runtime } from "../../runtime/runtime.js";
import { keepPayload } from "../admission.js";
import { createLatePart } from "../late-part.js";
import type { IdempotencyState } from "./archive.js";
import type { KeyedPart } from "./keyed.js";
import type { LedgerBounds } from "./ledger.js";
import type { IdempotencyOptions, KeyedCalls, KeyedHost } from "./types.js";

const loadCode = onDemand(() => import("./keyed.js"));

export interface KeyedCallsOptions {
  readonly runtime: Runtime;
  readonly options: IdempotencyOptions | undefined;
  readonly state: IdempotencyState | undefined;
}

/** Calls with a key, for an agent that has them; without, handlers tell repetitions by the key themselves. */
export type KeyedCallsFactory = (host: KeyedHost) => KeyedCalls & { stop(error: TightbeamError): void };

/** Its code, and what the store has of keys, is loaded with the first key that comes. Throws `invalid_argument`. */
export function keyedCallsFor({ runtime, options = {}, state }: KeyedCallsOptions): KeyedCallsFactory {
  const bounds = checkOptions(options, state !== undefined && state.capabilities.durability !== "memory");
  return (host) => {
    let opening: Promise<KeyedPart> | undefined;
    let cancelPrune = (): void => undefined;
    let stopped = false;

    const pruneLater = (part: KeyedPart): void => {
      if (stopped) return;
      cancelPrune = runtime.timers.after(
        Math.min(limits.idempotencyPruneMs, Math.max(bounds.keepMs, limits.idempotencyPruneMinMs)),
        () => {
          part.prune();
          pruneLater(part);
        },
        { background: true },
      );
    };

    const open = (): Promise<KeyedPart> => {
      opening ??= loadCode()
        .then(({ openKeyedCalls }) => openKeyedCalls({ runtime, state, bounds }, host))
        .catch((error: unknown) => {
          opening = undefined;
          throw error;
        });
      return opening;
    };

    const late = createLatePart(open, (part: KeyedPart) => {
      pruneLater(part);
      return part;
    });

    return {
      take(call, payload) {
        if (late.ready !== undefined) return late.ready.take(call, payload);
        const kept = keepPayload(payload);
        const bytes = (kept?.bytes.length ?? 0) + heldBytes;
        const { budget } = call.link;
        if (!budget.take(bytes))
          return host.conclude(call, "refused", undefined, new TightbeamError("overloaded", "This agent has no memory left for a call that waits."));
        host.hold(call);
        late.use(
          (part) => {
            budget.give(bytes);
            part.take(call, kept);
          },
          (error) => {
            budget.give(bytes);
            host.conclude(call, "refused", undefined, error);
          },
        );
      },
      ended(call, outcome, payload, error) {
        late.part?.ended(call, outcome, payload, error);
      },
      left: (call, reason, closing) => late.part?.left(call, reason, closing) ?? call.held,
      stop(error) {
        stopped = true;
        cancelPrune();
        late.stop(error);
      },
    };
  };
}

/** What a call that waits costs beside its payload. */
const heldBytes = 512;

const known: Readonly<Record<keyof IdempotencyOptions, readonly [least: number, most: number]>> = {
  keep: [1, Number.MAX_SAFE_INTEGER],
  keys: [1, limits.idempotencyKeysMax],
  live: [0, Number.MAX_SAFE_INTEGER],
  bytes: [1, Number.MAX_SAFE_INTEGER],
};

function checkOptions(options: IdempotencyOptions, persistent: boolean): LedgerBounds {
  if (typeof options !== "object" || options === null) throw wrong(`is an object of ${Object.keys(known).join(", ")}, or false`);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, name)) throw wrong(`has ${Object.keys(known).join(", ")}, and nothing else`);
    const [least, most] = known[name as keyof IdempotencyOptions];
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= least && value <= most))
      throw wrong(`.${name} is a whole number of ${least} to ${most}`);
  }
  const { keep = limits.idempotencyKeepMs, keys = limits.idempotencyKeys, live = limits.idempotencyLiveMs } = options;
  return { keepMs: keep, liveMs: Math.min(live, keep), keys, bytes: options.bytes ?? (persistent ? limits.idempotencyBytes : limits.idempotencyMemoryBytes) };
}

const wrong = (what: string): TightbeamError => new TightbeamError("invalid_argument", `\`idempotency\` ${what}.`);
