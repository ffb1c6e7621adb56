import * as keptLimits from "../../kept-limits.js";
import { createPeerIdTable } from "../../patterns/id-table.js";
import type { Random } from "../../runtime/runtime.js";
import { isSeen, type KeptCall } from "./call.js";
import { createKeptTraces, type Grouped, type KeptTraces } from "./kept-traces.js";
import { createLine, type Line, type Place, placeOf } from "./line.js";

/** A call with its places, all of which the object's next call uses again. */
interface Kept extends Grouped {
  readonly place: Place<KeptCall>;
  /** Of what only its receiver knows. */
  readonly received: Place<KeptCall>;
  readonly ofPeer: Place<KeptCall>;
  isKept: boolean;
  next: Kept | undefined;
  before: Kept | undefined;
}

/** The calls in memory, by message and by trace, and who holds how much of the room. */
export interface KeptCalls {
  readonly size: number;
  readonly traces: Pick<KeptTraces, "size" | "get">;
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
export function createKeptCalls(count: number, random: Random, onDropped: (call: KeptCall) => void): KeptCalls {
  const ofPeerMax = Math.max(Math.floor(count / 2), 1);
  const receivedMax = Math.max(Math.floor((count * 3) / 4), 1);
  const calls = createLine<KeptCall>();
  const received = createLine<KeptCall>();
  const peers = new Map<string, Line<KeptCall>>();
  const byId = createPeerIdTable<Kept>(random);
  const traces = createKeptTraces((id) => byId.get(id));
  /** No call has this id: whoever looked for it may add one next. */
  let missed = "";
  let spare: KeptCall | undefined;

  /** Only its receiver knows of it. */
  const isReceived = (call: KeptCall): boolean => !isSeen(call, true);

  const lineOf = (peer: string): Line<KeptCall> => {
    const line = peers.get(peer) ?? createLine<KeptCall>();
    if (line.size === 0) peers.set(peer, line);
    return line;
  };

  const keptOf = (call: KeptCall): Kept => {
    if (call.kept !== undefined) return call.kept as Kept;
    const kept: Kept = {
      call,
      place: placeOf(call),
      received: placeOf(call),
      ofPeer: placeOf(call),
      isKept: false,
      isReceived: false,
      next: undefined,
      before: undefined,
      isAlone: false,
      trace: undefined,
      spare: undefined,
    };
    call.kept = kept;
    return kept;
  };

  const enter = (kept: Kept): void => {
    const { call } = kept;
    kept.isReceived = isReceived(call);
    traces.enter(kept);
    if (!kept.isReceived) return;
    received.enter(kept.received);
    lineOf(call.from).enter(kept.ofPeer);
  };

  const leave = (kept: Kept): void => {
    const { call } = kept;
    if (!traces.leave(kept) || !kept.isReceived) return;
    kept.isReceived = false;
    received.leave(kept.received);
    const line = lineOf(call.from);
    line.leave(kept.ofPeer);
    if (line.size === 0) peers.delete(call.from);
  };

  const remove = (call: KeptCall): void => {
    const kept = keptOf(call);
    if (!kept.isKept) return;
    kept.isKept = false;
    call.generation++;
    calls.leave(kept.place);
    leave(kept);
    const { before, next } = kept;
    if (next !== undefined) next.before = before;
    if (before !== undefined) before.next = next;
    else if (next !== undefined) byId.set(call.id, next);
    else byId.delete(call.id);
    kept.next = undefined;
    kept.before = undefined;
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
      const first = byId.get(id);
      if (first === undefined) missed = id;
      for (let kept = first; kept !== undefined; kept = kept.next) if (kept.call.from === from && kept.call.to === to) return kept.call;
      return undefined;
    },
    byMessage: (id) => byId.get(id)?.call,
    takeSpare() {
      const taken = spare;
      spare = undefined;
      return taken;
    },
    add(call) {
      const trace = traces.ofSeveral(call);
      const isFull = trace !== undefined && (trace.calls.length >= keptLimits.traceCalls || (isReceived(call) && trace.received >= keptLimits.traceCalls / 2));
      if (isFull) trace.more++;
      const first = call.id === missed ? undefined : byId.get(call.id);
      missed = "";
      let same = 0;
      for (let kept = first; kept !== undefined; kept = kept.next) same++;
      if (isFull || same >= keptLimits.traceCallsOfId) return false;
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
      if (kept.next !== undefined) kept.next.before = kept;
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
