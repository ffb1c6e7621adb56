import * as limits from "../../limits.js";
import { type KeptCall, traceOf } from "./call.js";
import { createLine, type Line, type Place } from "./line.js";

export interface KeptTrace {
  readonly traceId: string;
  readonly calls: KeptCall[];
  /** Of them, those that only their receiver knows of. */
  received: number;
  more: number;
}

/** A call with its places. */
interface Kept {
  readonly call: KeptCall;
  readonly place: Place<KeptCall>;
  /** Another call with this message's id. */
  next: Kept | undefined;
  trace: KeptTrace;
  /** Of what only its receiver knows. */
  received: Place<KeptCall> | undefined;
  ofPeer: Place<KeptCall> | undefined;
}

/** The calls in memory, by message and by trace, and who holds how much of the room. */
export interface KeptCalls {
  readonly size: number;
  readonly traces: ReadonlyMap<string, KeptTrace>;
  [Symbol.iterator](): Iterator<KeptCall>;
  find(id: string, from: string, to: string): KeptCall | undefined;
  /** Any call with this id. */
  byMessage(id: string): KeptCall | undefined;
  /** False: its trace is full, or as many other calls have its id. */
  add(call: KeptCall): boolean;
  /** Around a change of who has seen it, or of its trace. */
  moving(call: KeptCall, change: () => void): void;
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

  /** Only its receiver knows of it. */
  const isReceived = ({ fromStartedAt }: KeptCall): boolean => fromStartedAt === undefined;

  const lineOf = (peer: string): Line<KeptCall> => {
    const known = peers.get(peer);
    if (known !== undefined) return known;
    const line = createLine<KeptCall>();
    peers.set(peer, line);
    return line;
  };

  const join = (call: KeptCall): KeptTrace => {
    const traceId = traceOf(call);
    const known = traces.get(traceId);
    if (known !== undefined) {
      known.calls.push(call);
      return known;
    }
    const trace = { traceId, calls: [call], received: 0, more: 0 };
    traces.set(traceId, trace);
    return trace;
  };

  const enter = (kept: Kept): void => {
    const { call, trace } = kept;
    if (!isReceived(call)) return;
    trace.received++;
    kept.received = received.add(call);
    kept.ofPeer = lineOf(call.from).add(call);
  };

  const leave = (kept: Kept): void => {
    const { call, trace } = kept;
    if (trace.calls.length === 1) traces.delete(trace.traceId);
    else trace.calls.splice(trace.calls.indexOf(call), 1);
    if (kept.received === undefined || kept.ofPeer === undefined) return;
    trace.received--;
    received.leave(kept.received);
    const line = lineOf(call.from);
    line.leave(kept.ofPeer);
    if (line.size === 0) peers.delete(call.from);
    kept.received = undefined;
    kept.ofPeer = undefined;
  };

  const keptOf = (call: KeptCall): Kept | undefined => {
    for (let kept = byId.get(call.id); kept !== undefined; kept = kept.next) if (kept.call === call) return kept;
    return undefined;
  };

  const remove = (call: KeptCall): void => {
    const kept = keptOf(call);
    if (kept === undefined) return;
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
  };

  const dropOldest = ({ oldest }: Line<KeptCall>): void => {
    if (oldest === undefined) return;
    remove(oldest);
    onDropped(oldest);
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
    add(call) {
      const known = traces.get(traceOf(call));
      const isFull = known !== undefined && (known.calls.length >= limits.traceCalls || (isReceived(call) && known.received >= limits.traceCalls / 2));
      if (isFull) known.more++;
      let same = 0;
      for (let kept = byId.get(call.id); kept !== undefined; kept = kept.next) same++;
      if (isFull || same >= limits.traceCallsOfId) return false;
      if (isReceived(call)) {
        const ofPeer = peers.get(call.from);
        while (ofPeer !== undefined && ofPeer.size >= ofPeerMax) dropOldest(ofPeer);
        while (received.size >= receivedMax) dropOldest(received);
      }
      while (calls.size >= count) dropOldest(calls);
      const kept: Kept = {
        call,
        place: calls.add(call),
        next: same === 0 ? undefined : byId.get(call.id),
        trace: join(call),
        received: undefined,
        ofPeer: undefined,
      };
      byId.set(call.id, kept);
      enter(kept);
      return true;
    },
    moving(call, change) {
      const kept = keptOf(call);
      if (kept !== undefined) leave(kept);
      change();
      if (kept === undefined) return;
      kept.trace = join(call);
      enter(kept);
    },
    remove,
  };
}
