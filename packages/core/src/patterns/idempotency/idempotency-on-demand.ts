import { TightbeamError } from "../../errors.js";
import type { Runtime } from "../../runtime/runtime.js";
import { heldBytes, keepPayload } from "../answering/keep-payload.js";
import type { Call } from "../answering/running-calls.js";
import { createLatePart } from "../late-part.js";
import type { IdempotencyState } from "./archive.js";
import type { KeyedPart } from "./keyed.js";
import { loadKeyed } from "./load-keyed.js";
import type { IdempotencyOptions, KeyedCalls, KeyedHost } from "./types.js";

const noOptions: IdempotencyOptions = {};

export interface KeyedCallsOptions {
  readonly runtime: Runtime;
  /** False: none. */
  readonly options: IdempotencyOptions | false | undefined;
  readonly state: IdempotencyState | undefined;
}

/** Calls with a key, for an agent that has them; without, handlers tell repetitions by the key themselves. */
export type KeyedCallsFactory = (host: KeyedHost) => KeyedCalls & { stop(error: TightbeamError): void };

/** Its code, and what the store has of keys, is loaded with the first key that comes. Undefined for an agent without. `options` have been checked. */
export function keyedCallsFor({ runtime, options = noOptions, state }: KeyedCallsOptions): KeyedCallsFactory | undefined {
  if (options === false) return undefined;
  return (host) => {
    let opening: Promise<KeyedPart> | undefined;
    let cancelPrune = (): void => undefined;
    let stopped = false;

    const pruneLater = (part: KeyedPart): void => {
      if (stopped) return;
      cancelPrune = runtime.timers.after(
        part.pruneEveryMs,
        () => {
          part.prune();
          pruneLater(part);
        },
        { background: true },
      );
    };

    const open = (): Promise<KeyedPart> => {
      opening ??= loadKeyed()
        .then(({ openKeyedCalls }) => openKeyedCalls({ runtime, state, options }, host))
        .catch((error: unknown) => {
          opening = undefined;
          throw error;
        });
      return opening;
    };

    /** Those that wait for the part, and are not its own yet. */
    const early = new Set<Call>();
    const late = createLatePart(open, (part: KeyedPart) => {
      pruneLater(part);
      return part;
    });

    return {
      take(call, payload) {
        if (late.ready !== undefined) return late.ready.take(call, payload);
        const kept = keepPayload(payload);
        const bytes = heldBytes(call.header, kept) + heldCost;
        const { budget } = call.link;
        if (!budget.take(bytes))
          return host.conclude(call, "refused", undefined, new TightbeamError("overloaded", "This agent has no memory left for a call that waits."));
        host.hold(call);
        early.add(call);
        late.use(
          (part) => {
            early.delete(call);
            budget.give(bytes);
            part.take(call, kept);
          },
          (error) => {
            early.delete(call);
            budget.give(bytes);
            host.conclude(call, "refused", undefined, error);
          },
        );
      },
      ended(call, outcome, payload, error) {
        late.part?.ended(call, outcome, payload, error);
      },
      left(call, reason, closing) {
        // It does not begin: `take` looks. A notification is for us all the same.
        if (early.has(call)) return call.header.type === "notification" && !closing;
        return late.part?.left(call, reason, closing) ?? false;
      },
      stop(error) {
        stopped = true;
        cancelPrune();
        late.stop(error);
      },
    };
  };
}

/** What a call that waits costs beside its payload. */
const heldCost = 512;
