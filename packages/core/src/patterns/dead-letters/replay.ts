import { isTightbeamError, TightbeamError } from "../../errors.js";
import * as keptLimits from "../../kept-limits.js";
import * as limits from "../../limits.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { Again } from "./again.js";
import type { LetterBox } from "./box.js";
import { causeOf } from "./cause.js";
import type { Shelved } from "./shelf.js";
import type { ReplayOptions, ReplayReport } from "./types.js";

/** Tries letters again, some of them at once, in their order. */
export type Replay = (entries: readonly Shelved[], options: ReplayOptions) => Promise<ReplayReport>;

export function createReplay(box: LetterBox, again: Again, { clock }: Runtime): Replay {
  const replaying = new Set<Shelved>();

  const replayOne = async (entry: Shelved, { newId = false, timeout = limits.requestTimeoutMs, signal }: ReplayOptions): Promise<void> => {
    if (signal?.aborted) throw new TightbeamError("cancelled", "The replay was cancelled before this letter's turn.", { cause: signal.reason });
    if (entry.leaving || box.find(entry.letter.id) !== entry)
      throw new TightbeamError("invalid_argument", "This letter is gone: replayed or discarded meanwhile.");
    if (replaying.has(entry)) throw new TightbeamError("unavailable", "This letter is being replayed already.");
    if (!entry.letter.kept) throw new TightbeamError("too_large", "The message was too large to be kept: it cannot be replayed.");
    replaying.add(entry);
    try {
      const body = await box.body(entry);
      // Before it runs: what kills its process has been tried all the same.
      await box.update(entry, { attempts: entry.letter.attempts + 1, lastAt: Math.floor(clock.wall()) });
      const late = (): void => void box.remove([entry], "replayed").catch(() => undefined);
      try {
        await again(entry.letter, body, { newId, timeout, signal, late });
      } catch (error) {
        await box.update(entry, causeOf(error));
        throw error;
      }
      await box.remove([entry], "replayed");
    } finally {
      replaying.delete(entry);
    }
  };

  return async (entries, options) => {
    const failed: { id: string; error: TightbeamError }[] = [];
    let replayed = 0;
    let failedCount = 0;
    let next = 0;
    const work = async (): Promise<void> => {
      for (let entry = entries[next++]; entry !== undefined; entry = entries[next++]) {
        const { id } = entry.letter;
        try {
          await replayOne(entry, options);
          replayed++;
        } catch (error) {
          failedCount++;
          if (failed.length < keptLimits.replayFailuresNamed) failed.push({ id, error: typed(error) });
        }
      }
    };
    await Promise.all(Array.from({ length: keptLimits.replaysAtOnce }, work));
    return { replayed, failed, failedCount };
  };
}

function typed(error: unknown): TightbeamError {
  return isTightbeamError(error) ? error : new TightbeamError("handler_failed", causeOf(error).cause, { cause: error });
}
