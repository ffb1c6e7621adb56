import { type Bytes, join, same } from "./bytes.js";
import { type Data, dataHeader } from "./frames.js";
import type { Established } from "./handshake.js";
import { open, rekey, seal } from "./primitives.js";

/** docs/protocol.md, section 5. */

const epochBits = 2 ** 16;
const counterMax = 2 ** 48;
const window = 4064;
const epochsAhead = 64;
const previousEpochMs = 60_000;

export interface Session {
  readonly own: Bytes;
  /** The counter it takes, and the frame. */
  seal(record: Bytes): { counter: number; frame: Bytes };
  /** Throws when the frame must be refused. */
  open(data: Data, now: number): { counter: number; record: Bytes };
  /** Jumps to the next key for sending. */
  nextEpoch(): void;
  /** Frames that came although they had come before. */
  readonly replays: number;
}

interface Epoch {
  readonly number: number;
  readonly key: Bytes;
  readonly seen: Set<number>;
  highest: number;
}

const keyAfter = (key: Bytes, times: number): Bytes => (times <= 0 ? key : keyAfter(rekey(key), times - 1));

export function createSession({ own, theirs, sendKey, receiveKey }: Pick<Established, "own" | "theirs" | "sendKey" | "receiveKey">): Session {
  let counter = 0;
  let replays = 0;
  let sending = { number: 0, key: sendKey };
  let current: Epoch = { number: 0, key: receiveKey, seen: new Set(), highest: -1 };
  let previous: (Epoch & { until: number }) | undefined;

  const epochFor = (number: number, now: number): Epoch => {
    if (number === current.number) return current;
    if (previous !== undefined && number === previous.number && now <= previous.until) return previous;
    if (number < current.number || number > current.number + epochsAhead) throw new Error("an epoch out of reach");
    return { number, key: keyAfter(current.key, number - current.number), seen: new Set(), highest: -1 };
  };

  return {
    own,
    seal(record) {
      const number = Math.floor(counter / epochBits);
      if (counter >= counterMax) throw new Error("the session has ended");
      if (number > sending.number) sending = { number, key: keyAfter(sending.key, number - sending.number) };
      const header = dataHeader(theirs, counter);
      const frame = join(header, seal(sending.key, BigInt(counter), header, record));
      return { counter: counter++, frame };
    },
    open(data, now) {
      if (!same(data.to, own) || data.counter >= counterMax) throw new Error("not for this session");
      const epoch = epochFor(Math.floor(data.counter / epochBits), now);
      if (epoch.seen.has(data.counter)) replays++;
      if (epoch.seen.has(data.counter) || data.counter <= epoch.highest - window) throw new Error("replay");
      const record = open(epoch.key, BigInt(data.counter), data.header, data.sealed);
      epoch.seen.add(data.counter);
      epoch.highest = Math.max(epoch.highest, data.counter);
      if (epoch.seen.size > 2 * window) for (const each of epoch.seen) if (each <= epoch.highest - window) epoch.seen.delete(each);
      if (epoch.number > current.number) {
        const skipped = { number: epoch.number - 1, key: keyAfter(current.key, epoch.number - 1 - current.number), seen: new Set<number>(), highest: -1 };
        previous = { ...(skipped.number === current.number ? current : skipped), until: now + previousEpochMs };
        current = epoch;
      }
      return { counter: data.counter, record };
    },
    nextEpoch() {
      counter = (Math.floor(counter / epochBits) + 1) * epochBits;
    },
    get replays() {
      return replays;
    },
  };
}
