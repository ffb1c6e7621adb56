import { isTightbeamError, TightbeamError } from "../../errors.js";
import type { Link } from "../../link/link-types.js";
import type { Runtime } from "../../runtime/runtime.js";
import type { PatternHost } from "../host.js";

/** ms for one question to an intermediate, and for one attempt to reach it. */
export const connectMs = 10_000;
/** How long an end waits until the intermediate has heard of it. */
export const lingerMs = 1_000;
const pauseMinMs = 100;
const pauseMaxMs = 5_000;

export const sleep = ({ timers }: Runtime, ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const over = (): void => {
      cancel();
      signal?.removeEventListener("abort", over);
      resolve();
    };
    const cancel = timers.after(ms, over);
    signal?.addEventListener("abort", over, { once: true });
  });

/** Uniform between 0 and a bound that doubles, so that the clients of an intermediate that restarts do not come back in step. */
export function pauseBefore(attempt: number, runtime: Runtime, signal: AbortSignal): Promise<void> {
  const bound = Math.min(pauseMaxMs, pauseMinMs * 2 ** Math.min(attempt, 10));
  const [a = 0, b = 0] = runtime.random.bytes(2);
  return sleep(runtime, (bound * (a * 256 + b)) / 0x1_0000, signal);
}

/** Asks, and asks again after a while when the peer has said how long. Rejects as `System.request` does. The signal ends the waits between. */
export async function ask(host: PatternHost, link: Link, name: string, value: unknown, signal: AbortSignal, timeout = connectMs): Promise<unknown> {
  const { clock } = host.runtime;
  const until = clock.monotonic() + timeout;
  for (;;) {
    const left = Math.max(1, until - clock.monotonic());
    try {
      return await host.system.request(link, name, value, { timeout: left });
    } catch (error) {
      const pause = isTightbeamError(error) ? error.retryAfter : undefined;
      if (pause === undefined || pause >= until - clock.monotonic()) throw error;
      await sleep(host.runtime, Math.max(1, pause), signal);
      if (signal.aborted) throw new TightbeamError("cancelled", "The transport has ended.", { cause: error });
    }
  }
}

/** Waits for what the other side should hear of, but not for long. */
export const lingering = async (runtime: Runtime, answered: Promise<unknown>): Promise<void> => {
  const over = new AbortController();
  await Promise.race([answered, sleep(runtime, lingerMs, over.signal)]);
  over.abort();
};
