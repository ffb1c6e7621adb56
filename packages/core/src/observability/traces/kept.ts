import * as limits from "../../limits.js";
import { type KeptCall, traceOf } from "./call.js";
import { createLine, type Line } from "./line.js";

export interface KeptTrace {
  readonly calls: Set<KeptCall>;
  /** Of them, those that only their receiver knows of. */
  received: number;
  more: number;
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
  /** Before and behind a change of who has seen it, or of its trace. */
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
  const byId = new Map<string, KeptCall[]>();
  const traces = new Map<string, KeptTrace>();

  /** Only its receiver knows of it. */
  const isReceived = ({ fromStartedAt }: KeptCall): boolean => fromStartedAt === undefined;

  const enter = (call: KeptCall): void => {
    const traceId = traceOf(call);
    let trace = traces.get(traceId);
    if (trace === undefined) {
      trace = { calls: new Set(), received: 0, more: 0 };
      traces.set(traceId, trace);
    }
    trace.calls.add(call);
    if (!isReceived(call)) return;
    trace.received++;
    received.add(call);
    let ofPeer = peers.get(call.from.id);
    if (ofPeer === undefined) {
      ofPeer = createLine();
      peers.set(call.from.id, ofPeer);
    }
    ofPeer.add(call);
  };

  const leave = (call: KeptCall): void => {
    const traceId = traceOf(call);
    const trace = traces.get(traceId);
    if (trace?.calls.delete(call) === true && trace.calls.size === 0) traces.delete(traceId);
    if (!isReceived(call)) return;
    if (trace !== undefined) trace.received--;
    received.delete(call);
    const ofPeer = peers.get(call.from.id);
    if (ofPeer?.delete(call) === true && ofPeer.size === 0) peers.delete(call.from.id);
  };

  const forget = (call: KeptCall): void => {
    leave(call);
    const same = byId.get(call.id);
    if (same === undefined || same.length === 1) byId.delete(call.id);
    else same.splice(same.indexOf(call), 1);
  };

  const dropOldest = (line: Line<KeptCall>): void => {
    const oldest = line.takeOldest();
    if (oldest === undefined) return;
    calls.delete(oldest);
    forget(oldest);
    onDropped(oldest);
  };

  return {
    traces,
    get size() {
      return calls.size;
    },
    [Symbol.iterator]: () => calls[Symbol.iterator](),
    find(id, from, to) {
      const same = byId.get(id);
      if (same === undefined) return undefined;
      for (const call of same) if (call.from.id === from && call.to.id === to) return call;
      return undefined;
    },
    byMessage: (id) => byId.get(id)?.[0],
    add(call) {
      const same = byId.get(call.id);
      const trace = traces.get(traceOf(call));
      const isFull = trace !== undefined && (trace.calls.size >= limits.traceCalls || (isReceived(call) && trace.received >= limits.traceCalls / 2));
      if (isFull) trace.more++;
      if (isFull || (same !== undefined && same.length >= limits.traceCallsOfId)) return false;
      if (isReceived(call)) {
        const ofPeer = peers.get(call.from.id);
        while (ofPeer !== undefined && ofPeer.size >= ofPeerMax) dropOldest(ofPeer);
        while (received.size >= receivedMax) dropOldest(received);
      }
      while (calls.size >= count) dropOldest(calls);
      calls.add(call);
      const others = byId.get(call.id);
      if (others === undefined) byId.set(call.id, [call]);
      else others.push(call);
      enter(call);
      return true;
    },
    moving(call, change) {
      leave(call);
      change();
      enter(call);
    },
    remove(call) {
      if (calls.delete(call)) forget(call);
    },
  };
}
