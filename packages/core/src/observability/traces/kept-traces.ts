import { beginsTrace, type KeptCall, traceOf } from "./call.js";
import { messageIdOf } from "./ids.js";

export interface KeptTrace {
  traceId: string;
  readonly calls: KeptCall[];
  /** Of them, those that only their receiver knows of. */
  received: number;
  more: number;
}

/** A call, as its trace sees it. */
export interface Grouped {
  readonly call: KeptCall;
  isReceived: boolean;
  /** Other calls with this message's id. */
  next: Grouped | undefined;
  before: Grouped | undefined;
  /** It is all there is of the trace that begins with it. */
  isAlone: boolean;
  trace: KeptTrace | undefined;
  /** Of which it was the last: there is no such trace any more. */
  spare: KeptTrace | undefined;
}

/** Calls by trace. Most traces are one call, and are named after it: these are found by the call's id and stand in no map of their own. */
export interface KeptTraces {
  readonly size: number;
  get(traceId: string): KeptTrace | undefined;
  /** The trace that this call would join, where that has calls enough to be full. */
  ofSeveral(call: KeptCall): KeptTrace | undefined;
  enter(kept: Grouped): void;
  /** False: it is in none. */
  leave(kept: Grouped): boolean;
}

/** `byId`: the first of the calls with this message id. */
export function createKeptTraces(byId: (id: string) => Grouped | undefined): KeptTraces {
  const several = new Map<string, KeptTrace>();
  let alone = 0;

  const aloneIn = (messageId: string): Grouped | undefined => {
    let kept = byId(messageId);
    while (kept !== undefined && !kept.isAlone) kept = kept.next;
    return kept;
  };

  const join = (kept: Grouped, trace: KeptTrace): void => {
    kept.trace = trace;
    trace.calls.push(kept.call);
    if (kept.isReceived) trace.received++;
  };

  const begin = (traceId: string, spare: KeptTrace | undefined): KeptTrace => {
    const trace = spare ?? { traceId, calls: [], received: 0, more: 0 };
    trace.traceId = traceId;
    trace.more = 0;
    several.set(traceId, trace);
    return trace;
  };

  const standAlone = (kept: Grouped): void => {
    kept.isAlone = true;
    alone++;
  };

  return {
    get size() {
      return several.size + alone;
    },
    get(traceId) {
      const known = several.get(traceId);
      if (known !== undefined) return known;
      const first = aloneIn(messageIdOf(traceId));
      return first === undefined ? undefined : { traceId, calls: [first.call], received: first.isReceived ? 1 : 0, more: 0 };
    },
    ofSeveral: (call) => (several.size === 0 ? undefined : several.get(traceOf(call))),
    enter(kept) {
      const { call } = kept;
      const begins = beginsTrace(call);
      if (begins && several.size === 0 && kept.next === undefined && kept.before === undefined) return standAlone(kept);
      const traceId = traceOf(call);
      const known = several.get(traceId);
      const first = known === undefined ? aloneIn(messageIdOf(traceId)) : undefined;
      if (known === undefined && first === undefined && begins) return standAlone(kept);
      const trace = known ?? begin(traceId, kept.spare);
      kept.spare = undefined;
      if (first !== undefined) {
        first.isAlone = false;
        alone--;
        join(first, trace);
      }
      join(kept, trace);
    },
    leave(kept) {
      const { call, trace } = kept;
      if (kept.isAlone) {
        kept.isAlone = false;
        alone--;
        return true;
      }
      if (trace === undefined) return false;
      kept.trace = undefined;
      trace.calls.splice(trace.calls.indexOf(call), 1);
      if (kept.isReceived) trace.received--;
      if (trace.calls.length > 0) return true;
      several.delete(trace.traceId);
      kept.spare = trace;
      return true;
    },
  };
}
