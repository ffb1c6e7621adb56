import {
  type Address,
  createInbox,
  type Inbox,
  type Receive,
  type Runtime,
  type StateChange,
  type TransportError,
  takesBuffer,
  type Unsubscribe,
} from "@tightbeam/core/transport";
import { asciiBytes, encodeFrame, encodeGroup, type Frame, frameType, headerBytes, noBytes, parseDropped, parseError } from "./protocol.js";
import { reasonOf, refusal } from "./reasons.js";
import type { Wire } from "./wire/wire.js";

interface Entry {
  readonly number: number;
  readonly at: Address;
  readonly group: string | undefined;
  readonly inbox: Inbox;
  /** Someone waits in `subscribe`. */
  first: { resolve(): void; reject(error: TransportError): void } | undefined;
  /** The relay has not answered this SUB on the present wire. */
  pending: boolean;
}

/** What this side listens to, kept over reconnects. A subscription keeps its number for life. */
export interface Subscriptions {
  add(at: Address, receive: Receive, group: string | undefined): Promise<Unsubscribe>;
  /** Repeats all of them on a new wire. Resolves when each has been answered; never rejects: a wire that ends takes its restoring with it. */
  restore(wire: Wire): Promise<void>;
  /** Takes a frame that belongs to a subscription; false when it belongs to none. */
  take(frame: Frame): boolean;
  end(error: TransportError): void;
}

export interface SubscriptionsOptions {
  readonly runtime: Runtime;
  readonly inboxBytes: number;
  readonly nextNumber: () => number;
  /** The wire that is logged in, if any, restored or not. */
  readonly wire: () => Wire | undefined;
  /** The relay did not answer in time. */
  readonly stuck: (wire: Wire) => void;
  readonly timeoutMs: number;
  readonly change: (change: StateChange) => void;
}

export function createSubscriptions({ runtime, inboxBytes, nextNumber, wire: current, stuck, timeoutMs, change }: SubscriptionsOptions): Subscriptions {
  const entries = new Map<number, Entry>();
  let restoring: (() => void) | undefined;

  const ask = (entry: Entry, wire: Wire) => {
    entry.pending = true;
    wire.send(encodeFrame(frameType.sub, entry.number, asciiBytes(entry.at), encodeGroup(entry.group)));
  };
  const forget = (entry: Entry) => {
    entries.delete(entry.number);
    entry.inbox.close();
    answered(entry);
  };
  const answered = (entry: Entry) => {
    entry.pending = false;
    if (restoring === undefined) return;
    for (const other of entries.values()) if (other.pending) return;
    restoring();
    restoring = undefined;
  };
  const refused = (entry: Entry, error: TransportError) => {
    if (entry.first === undefined) {
      change({ type: "send_failed", to: entry.at, error });
      answered(entry);
      return;
    }
    entry.first.reject(error);
    forget(entry);
  };
  /** A relay that is alive but silent about this SUB would hold the caller for ever. */
  const watch = (entry: Entry, wire: Wire) => {
    runtime.timers.after(
      timeoutMs,
      () => {
        if (entry.pending && entries.has(entry.number) && current() === wire) stuck(wire);
      },
      { background: true },
    );
  };

  return {
    add(at, receive, group) {
      const inbox = createInbox({ at, receive, timers: runtime.timers, maxBytes: inboxBytes, onDropped: change });
      const entry: Entry = { number: nextNumber(), at, group, inbox, first: undefined, pending: false };
      entries.set(entry.number, entry);
      const unsubscribe = async () => {
        if (!entries.has(entry.number)) return;
        forget(entry);
        current()?.send(encodeFrame(frameType.unsub, entry.number, noBytes, noBytes));
      };
      return new Promise((resolve, reject) => {
        entry.first = { resolve: () => resolve(unsubscribe), reject };
        const wire = current();
        if (wire === undefined) return;
        ask(entry, wire);
        watch(entry, wire);
      });
    },
    restore: (wire) =>
      new Promise((resolve) => {
        restoring = undefined;
        if (entries.size === 0) return resolve();
        restoring = resolve;
        for (const entry of entries.values()) ask(entry, wire);
      }),
    take(frame) {
      const entry = entries.get(frame.request);
      switch (frame.type) {
        case frameType.msg:
          entry?.inbox.push(owned(frame.body), true);
          return true;
        case frameType.subOk:
          if (entry === undefined) return true;
          entry.first?.resolve();
          entry.first = undefined;
          answered(entry);
          return true;
        case frameType.dropped:
          if (entry !== undefined) change({ type: "dropped", at: entry.at, ...parseDropped(frame.body) });
          return true;
        case frameType.err:
          if (entry === undefined) return false;
          refused(entry, refusal(reasonOf(parseError(frame.body).reason), `The relay refused the subscription to ${entry.at}`));
          return true;
        default:
          return false;
      }
    },
    end(error) {
      for (const entry of [...entries.values()]) {
        entry.first?.reject(error);
        forget(entry);
      }
    },
  };
}

/**
 * Plain bytes, whatever the socket gave: a Buffer's `slice` shares. Copied: a small view, which would keep all that arrived with it in memory while it waits,
 * and one that looks as if it took its buffer with it (T11) where other messages lie in that buffer too.
 */
function owned(body: Uint8Array): Uint8Array {
  const alone = body.byteOffset === headerBytes && takesBuffer(body);
  if (body.byteLength * 8 < body.buffer.byteLength || (takesBuffer(body) && !alone)) return new Uint8Array(body);
  return new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
}
