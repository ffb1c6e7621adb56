import type { Address, AddressTable } from "@tightbeam/core/transport";
import { encodeFrame, type Frame, frameType, noBytes, parseGroup } from "../protocol.js";
import type { Reason } from "../reasons.js";
import type { RelayCounters } from "./counters.js";
import type { RelayLimits } from "./limits.js";
import type { Outbox } from "./outbox.js";
import { isAllowed, type RelayAgent, type RelayPolicy } from "./policy.js";

export interface SubscriptionsOptions {
  readonly limits: RelayLimits;
  readonly table: AddressTable;
  readonly policy: RelayPolicy | undefined;
  readonly counters: RelayCounters;
  readonly outbox: Outbox;
  /** Whose they are, as of the present token. */
  readonly agent: () => RelayAgent;
  readonly answer: (frame: Uint8Array) => void;
  readonly refuse: (request: number, address: Address, reason: Reason) => void;
  readonly offend: (reason: Reason) => void;
}

/** What the agent of one socket listens to, by the number of its request. */
export interface Subscriptions {
  readonly size: number;
  /** Answers SUB. Throws for a body that is none. */
  add(frame: Frame): void;
  remove(request: number): void;
  /** What the agent may not listen to any more ends, and it is told. */
  recheck(): void;
  /** All of them, without a word. */
  clear(): void;
}

interface Subscription {
  readonly address: Address;
  readonly group: string | undefined;
  readonly remove: () => void;
}

export function createSubscriptions({ limits, table, policy, counters, outbox, agent, answer, refuse, offend }: SubscriptionsOptions): Subscriptions {
  const subscriptions = new Map<number, Subscription>();

  const remove = (request: number) => {
    subscriptions.get(request)?.remove();
    subscriptions.delete(request);
    outbox.forget(request);
  };

  return {
    get size() {
      return subscriptions.size;
    },
    add({ request, address, body }) {
      if (address === "") return;
      const group = parseGroup(body);
      if (subscriptions.has(request)) return offend("unexpected");
      if (subscriptions.size >= limits.subscriptionsPerSocket) return refuse(request, address, "too_many");
      if (!isAllowed(policy, agent(), "subscribe", address, group)) {
        counters.forbidden += 1;
        return refuse(request, address, "forbidden");
      }
      subscriptions.set(request, { address, group, remove: table.add(address, outbox.member(request), group) });
      answer(encodeFrame(frameType.subOk, request, noBytes, noBytes));
    },
    remove,
    recheck() {
      for (const [request, { address, group }] of subscriptions) {
        if (isAllowed(policy, agent(), "subscribe", address, group)) continue;
        remove(request);
        refuse(request, address, "forbidden");
      }
    },
    clear() {
      for (const each of subscriptions.values()) each.remove();
      subscriptions.clear();
    },
  };
}
