import type { Chain } from "./chain.js";
import type { JetStream } from "./jetstream.js";
import type { Layout } from "./layout.js";
import type { View } from "./view.js";
import type { Wire } from "./wire.js";

/** Where the log ends. */
export interface LogEnd {
  readonly number: number;
  /** The number of its message. */
  readonly sequence: number;
}

export interface Checkpointing {
  readonly api: JetStream;
  readonly wire: Wire;
  readonly chain: Chain;
  readonly layout: Layout;
  readonly view: View;
  /** Writes to the lock that the log up to there stands under its own subjects. */
  setFloor(number: number): Promise<unknown>;
  stopped(): boolean;
}

/** Messages under way: what comes new waits behind no more than these. */
const atOnce = 64;

/**
 * Carries what the log holds up to `end` over to the subjects of its keys, then takes the log away up to there. Until the floor is set, opening the store
 * reads the whole log again, over whatever was carried over by then: every step may be the last. Resolves with whether it came to its end.
 *
 * Removing a message names its number, so that nothing else can be hit, also when this process has lost the store without knowing: what it removes
 * was replaced or removed by a record that whoever has the store now has read too.
 */
export async function checkpoint({ api, wire, chain, layout, view, setFloor, stopped }: Checkpointing, end: LogEnd): Promise<boolean> {
  const patient = (): boolean => chain.failed === undefined && !stopped();
  const carry = async (key: string, value: Uint8Array | undefined): Promise<void> => {
    if (value !== undefined) view.setStored(key, await chain.append(layout.dataOf(key), value));
    else {
      const sequence = view.stored(key);
      if (sequence !== undefined) await wire.persist(() => api.remove(sequence), patient);
      view.setStored(key, undefined);
    }
    view.thaw(key);
  };
  const frozen = view.freeze();
  // Removals first: in a full bucket they make the room that the rest needs.
  for (const removals of [true, false]) {
    const left = [...frozen].filter(([, value]) => (value === undefined) === removals).values();
    const carrier = async (): Promise<void> => {
      for (const [key, value] of left) {
        if (stopped()) return;
        await carry(key, value);
      }
    };
    const carriers = await Promise.allSettled(Array.from({ length: atOnce }, carrier));
    for (const each of carriers) if (each.status === "rejected") throw each.reason;
    if (stopped()) return false;
  }
  await setFloor(end.number);
  await wire.persist(() => api.purge(layout.log, end.sequence), patient);
  return true;
}
