import { decodePayload } from "../../codec/index.js";
import type { JsonLimits } from "../../codec/limits.js";
import type { Envelope } from "../../envelope/types.js";
import { decodeEnvelope } from "../../envelope/wire.js";
import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Runtime } from "../../runtime/runtime.js";
import { createMemoryStore } from "../../store/memory.js";
import { openState, type State } from "../../store/state.js";
import { type AgainOptions, createAgain } from "./again.js";
import { createLetterBox } from "./box.js";
import type { LetterBody } from "./entry.js";
import { checkFilter, checkLetterId, checkQuery, checkReplay, letterSettings } from "./options.js";
import { createReplay } from "./replay.js";
import type { Shelved } from "./shelf.js";
import { createLetterSources, type LetterSources } from "./sources.js";
import type { DeadLetter, DeadLetterEvent, DeadLetterFilter, DeadLetterOptions, DeadLetters, NewDeadLetter, PreparedLetter } from "./types.js";
import { createLetterWriting } from "./writing.js";

export interface DeadLettersOptions extends AgainOptions {
  readonly options: DeadLetterOptions;
  readonly state: Pick<State, "get" | "batch" | "scan" | "capabilities">;
  readonly json: JsonLimits;
  readonly ownId: string;
  readonly onEvent: (event: DeadLetterEvent) => void;
}

/** Dead letters with what the rest of an agent needs of them. */
export interface DeadLetterOffice extends LetterSources {
  readonly letters: DeadLetters;
  readonly size: { readonly count: number; readonly bytes: number };
  /**
   * For the batch that marks a message as settled for good: `changes` belong into it, then `committed()` or `abandoned()`. Throws `store_full`
   * (retention refuses) and `too_large`: then the message stays undone.
   */
  prepare(letter: NewDeadLetter): PreparedLetter;
  /** For messages that nobody else keeps. Never throws. */
  add(letter: NewDeadLetter): void;
  /** Writes what waits, and keeps nothing more. Never rejects. */
  end(): Promise<void>;
}

/** Rejects `invalid_argument`, and what reading the state rejects. */
export async function createDeadLetters(given: DeadLettersOptions): Promise<DeadLetterOffice> {
  const { options, state, runtime, json, ownId, taps, onEvent } = given;
  const settings = letterSettings(options, state.capabilities.durability !== "memory");
  const box = await createLetterBox({ state, runtime, settings, taps, onEvent });
  const writing = createLetterWriting(box, state, runtime);
  const replay = createReplay(box, createAgain(given), runtime);
  let cancelPrune = (): void => undefined;
  let ended = false;

  /** What cannot be removed now is removed another time. */
  const prune = (): Promise<void> => box.prune().catch(() => undefined);
  const pruneLater = (): void => {
    if (ended) return;
    cancelPrune = runtime.timers.after(keptLimits.letterPruneMs, () => void prune().then(pruneLater), { background: true });
  };
  await prune();
  pruneLater();

  const chosen = (which: string | DeadLetterFilter): Shelved[] => {
    if (typeof which !== "string") checkFilter(which);
    else checkLetterId(which);
    if (typeof which !== "string") return box.matching(which);
    const entry = box.find(which);
    return entry === undefined ? [] : [entry];
  };

  return {
    get size() {
      return box.size;
    },
    ...createLetterSources(writing.add, runtime.clock, settings),
    prepare: box.prepare,
    add: writing.add,
    async end() {
      ended = true;
      cancelPrune();
      await writing.end();
    },
    letters: {
      async list(query = {}) {
        checkQuery(query);
        await prune();
        return box.page(query);
      },
      async get(id) {
        const [entry] = chosen(id);
        if (entry === undefined) return undefined;
        const body = await box.body(entry);
        return { ...entry.letter, ...contentsOf(entry.letter, body, json, ownId) };
      },
      async replay(which, replayOptions = {}) {
        checkReplay(replayOptions);
        const entries = chosen(which);
        if (typeof which !== "string" || entries.length > 0) return replay(entries, replayOptions);
        return { replayed: 0, failed: [{ id: which, error: new TightbeamError("invalid_argument", "There is no letter of this id.") }], failedCount: 1 };
      },
      async discard(which) {
        return box.remove(chosen(which), "discarded");
      },
      async statistics() {
        await prune();
        return box.statistics();
      },
    },
  };
}

function contentsOf({ kept, side, peer }: DeadLetter, { envelope: raw }: LetterBody, json: JsonLimits, ownId: string) {
  if (!kept) return { envelope: undefined, raw: undefined };
  const [from, to] = side === "sender" ? [ownId, peer] : [peer, ownId];
  let envelope: Envelope | undefined;
  try {
    const { header, payload } = decodeEnvelope(raw);
    const value = decodePayload(payload, json);
    envelope = { ...header, version: 1, from, to, ...(value === undefined ? undefined : { payload: value }) };
  } catch (error) {
    // That it cannot be decoded may be why it is a letter.
    if (!isTightbeamError(error)) throw error;
  }
  return { envelope, raw };
}

/** For letters that last as long as their process. */
export const memoryState = (runtime: Runtime): Promise<State> => openState({ store: createMemoryStore(), runtime });
