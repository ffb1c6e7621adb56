import { awaitUsing } from "../../disposable.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import { systemRuntime } from "../../runtime/system.js";
import { openState, type State } from "../../store/state.js";
import { type KeptCall, startOf, traceOf } from "./call.js";
import { callKey, callPrefix, decodeCall } from "./entry.js";
import { createKeptCalls, type KeptCalls } from "./kept.js";
import { checkFilter, checkQuery, traceSettings } from "./options.js";
import { outcomeOf } from "./outcome.js";
import { statisticsOf } from "./statistics.js";
import type { Trace, TraceFilter, TraceStore, TraceStoreOptions } from "./types.js";
import { matches, summaryOf, traceView } from "./view.js";
import { createWatching } from "./watching.js";
import { createTraceWriting, type TraceWriting } from "./writing.js";

/** Whose store it is, in the words of a state: an agent's is not taken for one of traces, nor the other way round. */
const owner = "tightbeam/traces";

/**
 * Keeps what the agents it watches do with messages, and answers what became of them. Rejects `invalid_argument`, and what opening the store rejects,
 * which then stays open.
 */
export async function createTraceStore(options: TraceStoreOptions = {}): Promise<TraceStore> {
  const settings = traceSettings(options);
  const { store, storeKey, runtime = systemRuntime(), onDamaged } = options;
  const { clock, timers } = runtime;
  const state = store === undefined ? undefined : await openState({ store, storeKey, runtime, owner, onDamaged });
  const writing = state === undefined ? undefined : createTraceWriting(state, runtime);
  const counts = { dropped: 0, damaged: 0 };
  let closing: Promise<void> | undefined;

  const calls = createKeptCalls(settings.count, runtime.random, (call) => {
    counts.dropped++;
    writing?.removed(call);
  });
  const watching = createWatching(calls, settings, (call) => writing?.changed(call));

  const removeAll = (chosen: readonly KeptCall[]): void => {
    for (const call of chosen) {
      calls.remove(call);
      writing?.removed(call);
    }
  };

  const prune = (): void => {
    const oldest = clock.wall() - settings.ageMs;
    const old = [...calls].filter(({ lastAt }) => lastAt < oldest);
    counts.dropped += old.length;
    removeAll(old);
  };

  if (state !== undefined && writing !== undefined) counts.damaged = await readCalls(state, calls, writing, onDamaged);
  prune();

  const everyMs = Math.min(Math.max(settings.ageMs / 10, keptLimits.tracePruneMinMs), keptLimits.tracePruneMs);
  let cancelPrune = (): void => undefined;
  const pruneLater = (): void => {
    cancelPrune = timers.after(
      everyMs,
      () => {
        prune();
        pruneLater();
      },
      { background: true },
    );
  };
  pruneLater();

  const usable = (): void => {
    if (closing !== undefined) throw new TightbeamError("closed", "The trace store is closed.");
  };
  const matching = (filter: TraceFilter): KeptCall[] => [...calls].filter((call) => matches(call, filter));
  const traceFor = (traceId: string): Trace | undefined => {
    const kept = calls.traces.get(traceId);
    return kept === undefined ? undefined : traceView(kept);
  };

  return awaitUsing<TraceStore>({
    watch(agent) {
      usable();
      return watching.watch(agent);
    },
    async get(traceId) {
      usable();
      return traceFor(traceId);
    },
    async byMessage(id) {
      usable();
      const call = calls.byMessage(id);
      return call === undefined ? undefined : traceFor(traceOf(call));
    },
    async list({ limit = keptLimits.tracePage, ...filter } = {}) {
      usable();
      checkQuery({ limit, ...filter });
      const found = new Map<string, number>();
      for (const call of matching(filter)) {
        const traceId = traceOf(call);
        found.set(traceId, Math.max(found.get(traceId) ?? Number.NEGATIVE_INFINITY, startOf(call)));
      }
      const newest = [...found].sort(([, a], [, b]) => b - a).slice(0, limit);
      return newest.flatMap(([traceId]) => {
        const kept = calls.traces.get(traceId);
        return kept === undefined ? [] : [summaryOf(kept)];
      });
    },
    async statistics(filter = {}) {
      usable();
      checkFilter(filter);
      return statisticsOf(matching(filter));
    },
    async clean(filter) {
      usable();
      if (filter !== undefined) checkFilter(filter);
      const before = calls.size;
      if (filter === undefined) prune();
      else removeAll(matching(filter));
      const gone = before - calls.size;
      await writing?.flush();
      return gone;
    },
    status: () => ({
      calls: calls.size,
      traces: calls.traces.size,
      waiting: writing?.waiting ?? 0,
      notWritten: writing?.notWritten ?? 0,
      dropped: counts.dropped,
      damaged: counts.damaged,
    }),
    close() {
      closing ??= (async () => {
        cancelPrune();
        watching.endAll();
        await writing?.end();
        await state?.close();
      })();
      return closing;
    },
  });
}

/** What an earlier process wrote. Resolves with how many entries did not open. */
async function readCalls(state: State, calls: KeptCalls, writing: TraceWriting, onDamaged: TraceStoreOptions["onDamaged"]): Promise<number> {
  let damaged = 0;
  for await (const [key, value] of state.scan(callPrefix)) {
    const number = Number.parseInt(key.slice(callPrefix.length), 16);
    try {
      const call = decodeCall(key, value);
      if (callKey(number) !== key) throw new TightbeamError("store_damaged", `${key} is no key of a call.`);
      writing.place(call, number);
      if (outcomeOf(call).status === "active") call.interrupted = true;
      if (!calls.add(call)) writing.removed(call);
    } catch (error) {
      if (!isTightbeamError(error)) throw error;
      damaged++;
      report(onDamaged, { key, error });
    }
  }
  return damaged + state.damagedCount;
}

function report(onDamaged: TraceStoreOptions["onDamaged"], entry: Parameters<NonNullable<TraceStoreOptions["onDamaged"]>>[0]): void {
  try {
    onDamaged?.(entry);
  } catch {
    // A listener's failure is not the store's.
  }
}
