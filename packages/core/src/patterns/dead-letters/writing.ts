import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { State } from "../../store/state.js";
import type { LetterBox } from "./box.js";
import type { NewDeadLetter, PreparedLetter } from "./types.js";

/** Letters of messages that no one else keeps: many share a batch, and what cannot be written now is tried again for as long as there is memory for it. */
export interface LetterWriting {
  /** Never throws. What cannot be kept is said in an event. */
  add(letter: NewDeadLetter): void;
  /** Settles when nothing waits: written, or given up. */
  idle(): Promise<void>;
  /** One more try for what waits, and then nothing more. */
  end(): Promise<void>;
}

interface Waiting {
  readonly letter: NewDeadLetter;
  readonly bytes: number;
}

export function createLetterWriting(box: LetterBox, state: Pick<State, "batch">, { timers }: Runtime): LetterWriting {
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  /** Of what waits, by the peer it came from. */
  const held = new Map<string, number>();
  let writing = false;
  let ending = false;
  let pauseMs = 0;
  let wake: (() => void) | undefined;
  let idlers: (() => void)[] = [];

  const forget = (entries: readonly Waiting[]): void => {
    for (const { letter, bytes } of entries) {
      waitingBytes -= bytes;
      const count = (held.get(letter.peer) ?? 1) - 1;
      if (count === 0) held.delete(letter.peer);
      else held.set(letter.peer, count);
    }
  };

  /** As many as one batch takes. */
  const cut = (): Waiting[] => {
    let bytes = 0;
    let count = 0;
    while (count < waiting.length && count < keptLimits.lettersPerBatch && (count === 0 || bytes < keptLimits.letterBatchBytes))
      bytes += waiting[count++]?.bytes ?? 0;
    return waiting.splice(0, count);
  };

  const prepare = ({ letter }: Waiting): PreparedLetter => {
    try {
      return box.prepare(letter);
    } catch (error) {
      if (!isTightbeamError(error) || error.code !== "too_large" || letter.envelope === undefined) throw error;
      // That there was one, and why it is no more, is worth keeping all the same.
      return box.prepare({ ...letter, envelope: undefined, bytes: letter.envelope.length });
    }
  };

  /** Returns those that are for the next batch: what this one holds may have to go for them. */
  const write = async (entries: readonly Waiting[]): Promise<readonly Waiting[]> => {
    const prepared: PreparedLetter[] = [];
    const refused: TightbeamError[] = [];
    let left: readonly Waiting[] = [];
    for (const [index, entry] of entries.entries()) {
      try {
        prepared.push(prepare(entry));
      } catch (cause) {
        const error = asError(cause);
        if (error.code === "store_full" && prepared.length > 0) {
          left = entries.slice(index);
          break;
        }
        refused.push(error);
      }
    }
    if (prepared.length > 0) {
      try {
        await state.batch(prepared.flatMap(({ changes }) => changes));
      } catch (error) {
        for (const one of prepared.reverse()) one.abandoned();
        throw error;
      }
      for (const one of prepared) one.committed();
    }
    if (refused[0] !== undefined) box.notKept(refused.length, refused[0]);
    forget(entries.slice(0, entries.length - left.length));
    return left;
  };

  const run = async (): Promise<void> => {
    writing = true;
    while (waiting.length > 0) {
      const entries = cut();
      try {
        waiting.unshift(...(await write(entries)));
        pauseMs = 0;
      } catch (cause) {
        const error = asError(cause);
        if (ending || isFinal(error)) {
          forget(entries);
          box.notKept(entries.length, error);
          continue;
        }
        waiting.unshift(...entries);
        pauseMs = Math.min(Math.max(pauseMs * 2, keptLimits.letterAgainMs), keptLimits.letterAgainMaxMs);
        await pause(pauseMs);
      }
    }
    writing = false;
    const all = idlers;
    idlers = [];
    for (const idler of all) idler();
  };

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = timers.after(ms, resolve, { background: true });
      wake = () => {
        cancel();
        resolve();
      };
    });

  const idle = (): Promise<void> => (writing ? new Promise((resolve) => idlers.push(() => resolve())) : Promise.resolve());

  return {
    add(letter) {
      const bytes = (letter.envelope?.length ?? 0) + entryBytes;
      const ofPeer = held.get(letter.peer) ?? 0;
      const isFull = waiting.length >= keptLimits.lettersWaiting || waitingBytes + bytes > keptLimits.lettersWaitingBytes;
      if (ending || isFull || (letter.side === "receiver" && ofPeer >= keptLimits.lettersWaitingOfPeer))
        return box.notKept(1, new TightbeamError("overloaded", "More dead letters came than the store could take: see docs/dead-letters.md."));
      waiting.push({ letter, bytes });
      waitingBytes += bytes;
      held.set(letter.peer, ofPeer + 1);
      if (!writing) void run();
    },
    idle,
    async end() {
      ending = true;
      wake?.();
      await idle();
    },
  };
}

/** What waits costs this much beside its message. */
const entryBytes = 512;

/** The store takes nothing more, however often it is asked. */
const isFinal = ({ code }: TightbeamError): boolean =>
  code === "store_failed" || code === "store_read_only" || code === "closed" || code === "invalid_argument";

const asError = (error: unknown): TightbeamError =>
  isTightbeamError(error) ? error : new TightbeamError("store_failed", "The store failed: see the cause.", { cause: error });
