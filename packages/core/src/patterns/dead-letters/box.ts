import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import type { Runtime } from "../../runtime/runtime.js";
import { numberKey } from "../../store/keys.js";
import type { State } from "../../store/state.js";
import type { StoreChange } from "../../store/types.js";
import type { Taps } from "../taps.js";
import { bodyKey, decodeBody, decodeHead, encodeBody, encodeHead, headKey, headPrefix, type LetterBody } from "./entry.js";
import type { LetterSettings } from "./options.js";
import { createShelf, type Shelved } from "./shelf.js";
import type {
  DeadLetter,
  DeadLetterEvent,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetterStatistics,
  NewDeadLetter,
  PreparedLetter,
} from "./types.js";

export interface LetterBoxOptions {
  readonly state: Pick<State, "get" | "batch" | "scan" | "capabilities">;
  readonly runtime: Runtime;
  readonly settings: LetterSettings;
  readonly taps: Pick<Taps, "messages">;
  readonly onEvent: (event: DeadLetterEvent) => void;
}

/** The letters: their heads in memory, all of them in the state. */
export interface LetterBox {
  /** For a batch that whoever asks writes. Throws `store_full` (retention refuses), `too_large`; then the message stays where it is. */
  prepare(letter: NewDeadLetter): PreparedLetter;
  find(id: string): Shelved | undefined;
  matching(filter: DeadLetterFilter): Shelved[];
  page(query: DeadLetterQuery): DeadLetterPage;
  /** Rejects `store_damaged`. */
  body(entry: Shelved): Promise<LetterBody>;
  /** Settles when it is flushed: how many are gone. */
  remove(entries: readonly Shelved[], why: "discarded" | "replayed"): Promise<number>;
  /** Settles when it is flushed. */
  update(entry: Shelved, changes: Partial<Pick<DeadLetter, "reason" | "cause" | "attempts" | "lastAt">>): Promise<void>;
  /** Those that are too old go. */
  prune(): Promise<void>;
  /** So many messages could not be kept. */
  notKept(count: number, error: TightbeamError): void;
  statistics(): DeadLetterStatistics;
  readonly size: { readonly count: number; readonly bytes: number };
}

/** Reads the heads of all letters. Rejects what the state rejects. */
export async function createLetterBox({ state, runtime, settings, taps, onEvent }: LetterBoxOptions): Promise<LetterBox> {
  const { clock } = runtime;
  const shelf = createShelf(settings);
  const counts = { added: 0, replayed: 0, discarded: 0, dropped: 0, notKept: 0, damaged: 0 };
  let last = 0;
  let alerted = false;

  for await (const [key, value] of state.scan(headPrefix)) {
    const id = key.slice(headPrefix.length);
    const number = Number.parseInt(id, 16);
    if (Number.isSafeInteger(number)) last = Math.max(last, number);
    try {
      if (numberKey(number) !== id) throw new TightbeamError("store_damaged", "This is no id of a letter.");
      shelf.place(number, decodeHead(id, value));
    } catch (error) {
      if (!isTightbeamError(error)) throw error;
      counts.damaged++;
    }
  }

  /** By the clock, so that an id is not used again when the newest letters are gone. */
  const nextNumber = (): number => {
    last = Math.max(last + 1, Math.floor(clock.wall()));
    return last;
  };

  const watchCount = (): void => {
    const { threshold } = settings;
    if (shelf.count < threshold || threshold === 0) alerted = false;
    else if (!alerted) {
      alerted = true;
      onEvent({ type: "dead_letters", what: "alert", count: shelf.count });
    }
  };

  const removing = ({ number }: Shelved): StoreChange[] => [{ remove: headKey(number) }, { remove: bodyKey(number) }];

  const dropped = (count: number): void => {
    if (count === 0) return;
    counts.dropped += count;
    onEvent({ type: "dead_letters", what: "dropped", count });
  };

  const removeAll = async (entries: readonly Shelved[]): Promise<number> => {
    let gone = 0;
    for (let at = 0; at < entries.length; at += keptLimits.lettersPerBatch) {
      const part = entries.slice(at, at + keptLimits.lettersPerBatch).filter((entry) => shelf.get(entry.number) === entry && !entry.leaving);
      if (part.length === 0) continue;
      for (const entry of part) shelf.leave(entry);
      try {
        await state.batch(part.flatMap(removing));
      } catch (error) {
        for (const entry of part) shelf.keep(entry);
        throw error;
      }
      for (const entry of part) shelf.remove(entry);
      gone += part.length;
    }
    watchCount();
    return gone;
  };

  return {
    prepare(given) {
      const number = nextNumber();
      const { envelope, sender: _, bytes = envelope?.length ?? 0, ...rest } = given;
      const [firstAt, lastAt] = [whole(given.firstAt), whole(given.lastAt)];
      const letter: DeadLetter = { ...rest, id: numberKey(number), firstAt, lastAt, bytes, kept: envelope !== undefined };
      const body = encodeBody(given);
      const { maxValueBytes } = state.capabilities;
      if (body.length > maxValueBytes) throw new TightbeamError("too_large", `A message of ${bytes} bytes does not fit into a value of the store.`);
      const { entry, instead } = shelf.take(number, letter);
      let over = false;
      return {
        id: letter.id,
        changes: [{ put: headKey(number), value: encodeHead(letter) }, { put: bodyKey(number), value: body }, ...instead.flatMap(removing)],
        committed() {
          if (over) return;
          over = true;
          for (const gone of instead) shelf.remove(gone);
          entry.pending = false;
          counts.added++;
          const { id, reason, side, peer, method } = letter;
          onEvent({ type: "dead_letter", id, reason, side, peer, method });
          taps.messages?.buried(letter, given.sender?.instance);
          dropped(instead.length);
          watchCount();
        },
        abandoned() {
          if (over) return;
          over = true;
          shelf.remove(entry);
          for (const kept of instead) shelf.keep(kept);
        },
      };
    },
    find: (id) => shelf.get(Number.parseInt(id, 16)),
    matching: (filter) => [...shelf.matching(filter)],
    page({ limit = keptLimits.letterPage, after, reverse = false, ...filter }) {
      const start = after === undefined ? undefined : Number.parseInt(after, 16);
      const letters: DeadLetter[] = [];
      const all = reverse ? [...shelf.matching(filter)].reverse() : shelf.matching(filter);
      for (const { number, letter } of all) {
        if (start !== undefined && (reverse ? number >= start : number <= start)) continue;
        if (letters.length === limit) return { letters, next: letters.at(-1)?.id };
        letters.push({ ...letter });
      }
      return { letters, next: undefined };
    },
    async body(entry) {
      const bytes = await state.get(bodyKey(entry.number));
      return decodeBody(entry.letter.id, bytes ?? new Uint8Array(0));
    },
    async remove(entries, why) {
      const gone = await removeAll(entries);
      counts[why] += gone;
      return gone;
    },
    async update(entry, changes) {
      // Behind its removal the batch would bring it back.
      if (entry.leaving) return;
      const letter = { ...entry.letter, ...changes };
      await state.batch([{ put: headKey(entry.number), value: encodeHead(letter) }]);
      entry.letter = letter;
    },
    async prune() {
      const oldest = clock.wall() - settings.ageMs;
      const old = [...shelf.matching({ to: oldest })];
      if (old.length > 0) dropped(await removeAll(old));
    },
    notKept(count, error) {
      counts.notKept += count;
      onEvent({ type: "dead_letters", what: "not_kept", count, error });
    },
    get size() {
      return { count: shelf.count, bytes: shelf.bytes };
    },
    statistics() {
      const all = [...shelf.matching({})].map(({ letter }) => letter);
      const reasons: DeadLetterStatistics["reasons"] = {};
      for (const { reason } of all) (reasons as Record<string, number>)[reason] = (reasons[reason] ?? 0) + 1;
      const times = all.map(({ lastAt }) => lastAt);
      const sender = all.filter(({ side }) => side === "sender").length;
      return {
        ...counts,
        count: all.length,
        bytes: all.reduce((sum, { bytes, kept }) => sum + (kept ? bytes : 0), 0),
        sender,
        receiver: all.length - sender,
        reasons,
        oldest: times.length === 0 ? undefined : times.reduce((a, b) => Math.min(a, b)),
        newest: times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b)),
      };
    },
  };
}

const whole = (time: number): number => Math.max(Math.floor(time), 0);
