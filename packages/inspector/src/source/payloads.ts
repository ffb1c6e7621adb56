import { type Envelope, TightbeamError } from "@tightbeam/core";
import type { Revealed } from "../feed/requests.js";
import { reveal } from "./bounded-json.js";
import type { PayloadFields } from "./types.js";

/**
 * What an agent's owner lets the inspector show of a payload: true for all of it, or a function that returns what may be seen (undefined:
 * nothing). What it throws shows nothing.
 */
export type Reveal = true | ((envelope: Envelope) => unknown);

const countMax = 300;

export interface Payloads {
  add(envelope: Envelope): void;
  /** Throws `unsupported`. */
  get(fields: PayloadFields): Revealed;
  readonly size: number;
}

/** What was in the newest messages, as text: at most 300 of 16 KiB. */
export function createPayloads(agent: string, allowed: Reveal): Payloads {
  const kept = new Map<string, Revealed>();
  return {
    add(envelope) {
      const shown = revealed(envelope, allowed);
      if (shown === undefined) return;
      kept.set(keyOf(envelope.from, envelope.to, envelope.id), shown);
      if (kept.size > countMax) kept.delete(kept.keys().next().value as string);
    },
    get({ id, direction, peer }) {
      const found = kept.get(direction === "sent" ? keyOf(agent, peer, id) : keyOf(peer, agent, id));
      if (found === undefined) throw new TightbeamError("unsupported", "What was in this message is not in memory, or not revealed.");
      return found;
    },
    get size() {
      return kept.size;
    },
  };
}

const keyOf = (from: string, to: string, id: string): string => `${from} ${to} ${id}`;

export function revealed(envelope: Envelope, allowed: Reveal): Revealed | undefined {
  try {
    const shown = allowed === true ? envelope.payload : allowed(envelope);
    if (shown instanceof Promise) shown.catch(() => undefined);
    return shown === undefined || shown instanceof Promise ? undefined : reveal(shown);
  } catch {
    return undefined;
  }
}
