import { createBeside } from "../../beside.js";
import * as limits from "../../limits.js";
import { type KeptCall, traceOf } from "./call.js";
import { createLine, type Line, type Place, placeOf } from "./line.js";

export interface KeptTrace {
  traceId: string;
  readonly calls: KeptCall[];
  /** Of them, those that only their receiver knows of. */
  received: number;
  more: number;
}

/** A call with its places, all of which the object's next call uses again. */
interface Kept {
  readonly call: KeptCall;
  readonly place: Place<KeptCall>;
  /** Of what only its receiver knows. */
  readonly received: Place<KeptCall>;
  readonly ofPeer: Place<KeptCall>;
  isKept: boolean;
  isReceived: boolean;
  /** Another call with this message's id. */
  next: Kept | undefined;
  trace: KeptTrace | undefined;
  /** Of which it was the last: there is no such trace any more. */
  spare: KeptTrace | undefined;
}

/** The calls in memory, by message and by trace, and who holds how much of the room. */
export interface KeptCalls {
  readonly size: number;
  readonly traces: ReadonlyMap<string, KeptTrace>;
  [Symbol.iterator](): Iterator<KeptCall>;
  find(id: string, from: string, to: string): KeptCall | undefined;
  /** Any call with this id. */
  byMessage(id: string): KeptCall | undefined;
  /** The object of a call that went for want of room, for the next one: what is made anew for each and kept for long is dear to collect. */
  takeSpare(): KeptCall | undefined;
  /** False: its trace is full, or as many other calls have its id. */
  add(call: KeptCall): boolean;
  /** Around a change of who has seen it, or of its trace. */
  moving(call: KeptCall, change: () => void): void;
  /** It is of another generation from here on. */
  remove(call: KeptCall): void;
}

/**
 * At most `count` calls: the oldest one goes for another. Calls that came of one peer hold at most half of the room, of all peers three quarters:
 * what their senders say of themselves does not push out what was sent here.
 */
export function createKeptCalls(count: number, onDropped: (call: KeptCall) => void): KeptCalls {
  const ofPeerMax = Math.max(Math.floor(count / 2), 1);
  const receivedMax = Math.max(Math.floor((count * 3) / 4), 1);
  const calls = createLine<KeptCall>();
  const received = createLine<KeptCall>();
  const peers = new Map<string, Line<KeptCall>>();
  const byId = new Map<string, Kept>();
  const traces = new Map<string, KeptTrace>();
  const known = createBeside<KeptCall, Kept>();
  let spare: KeptCall | undefined;

  /** Only its receiver knows of it. */
  const isReceived = ({ fromStartedAt }: KeptCall): boolean => fromStartedAt === undefined;

  const lineOf = (peer: string): Line<KeptCall> => {
    const line = peers.get(peer) ?? createLine<KeptCall>();
    if (line.size === 0) peers.set(peer, line);
    return line;
  };

  const keptOf = (call: KeptCall): Kept => {
    let kept = known.get(call);
    if (kept !== undefined) return kept;
    const [place, of, ofPeer] = [placeOf(call), placeOf(call), placeOf(call)];
    kept = { call, place, received: of, ofPeer, isKept: false, isReceived: false, next: undefined, trace: undefined, spare: undefined };
    known.set(call, kept);
    return kept;
  };

  const enter = (kept: Kept): void => {
    const { call } = kept;
    const traceId = traceOf(call);
    let trace = traces.get(traceId);
    if (trace !== undefined) trace.calls.push(call);
    else {
      trace = kept.spare ?? { traceId, calls: [call], received: 0, more: 0 };
      trace.traceId = traceId;
      trace.more = 0;
      traces.set(traceId, trace);
    }
    kept.spare = undefined;
    kept.trace = trace;
    if (!isReceived(call)) return;
    trace.received++;
    kept.isReceived = true;
    received.enter(kept.received);
    lineOf(call.from).enter(kept.ofPeer);
  };

  const leave = (kept: Kept): void => {
    const { call, trace } = kept;
    if (trace === undefined) return;
    if (kept.isReceived) {
      kept.isReceived = false;
      trace.received--;
      received.leave(kept.received);
      const line = lineOf(call.from);
      line.leave(kept.ofPeer);
      if (line.size === 0) peers.delete(call.from);
    }
    kept.trace = undefined;
    if (trace.calls.length > 1) trace.calls.splice(trace.calls.indexOf(call), 1);
    else {
      traces.delete(trace.traceId);
      kept.spare = trace;
    }
  };

  const remove = (call: KeptCall): void => {
    const kept = keptOf(call);
    if (!kept.isKept) return;
    kept.isKept = false;
    call.generation++;
    calls.leave(kept.place);
    leave(kept);
    const first = byId.get(call.id) as Kept;
    if (first === kept) {
      if (kept.next === undefined) byId.delete(call.id);
      else byId.set(call.id, kept.next);
    } else {
      let before = first;
      while (before.next !== kept) before = before.next as Kept;
      before.next = kept.next;
    }
    kept.next = undefined;
  };

  const dropOldest = ({ oldest }: Line<KeptCall>): void => {
    if (oldest === undefined) return;
    remove(oldest);
    onDropped(oldest);
    spare = oldest;
  };

  return {
    traces,
    get size() {
      return calls.size;
    },
    [Symbol.iterator]: () => calls[Symbol.iterator](),
    find(id, from, to) {
      for (let kept = byId.get(id); kept !== undefined; kept = kept.next) if (kept.call.from === from && kept.call.to === to) return kept.call;
      return undefined;
    },
    byMessage: (id) => byId.get(id)?.call,
    takeSpare() {
      const taken = spare;
      spare = undefined;
      return taken;
    },
    add(call) {
      const trace = traces.get(traceOf(call));
      const isFull = trace !== undefined && (trace.calls.length >= limits.traceCalls || (isReceived(call) && trace.received >= limits.traceCalls / 2));
      if (isFull) trace.more++;
      const first = byId.get(call.id);
      let same = 0;
      for (let kept = first; kept !== undefined; kept = kept.next) same++;
      if (isFull || same >= limits.traceCallsOfId) return false;
      if (isReceived(call)) {
        const ofPeer = peers.get(call.from);
        while (ofPeer !== undefined && ofPeer.size >= ofPeerMax) dropOldest(ofPeer);
        while (received.size >= receivedMax) dropOldest(received);
      }
      while (calls.size >= count) dropOldest(calls);
      const kept = keptOf(call);
      kept.isKept = true;
      calls.enter(kept.place);
      // Those that went may have had its id.
      kept.next = same === 0 ? undefined : byId.get(call.id);
      byId.set(call.id, kept);
      enter(kept);
      return true;
    },
    moving(call, change) {
      const kept = keptOf(call);
      leave(kept);
      change();
      if (kept.isKept) enter(kept);
    },
    remove,
  };
}
