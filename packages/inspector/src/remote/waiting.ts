import { keptLimits } from "../feed/protocol.js";
import type { LinkView } from "../feed/types.js";
import type { SourceSecond, SourceUpdate } from "../source/types.js";

export interface Waiting {
  put(update: SourceUpdate): void;
  /** Everything that waits, as one; undefined when nothing does. */
  take(): SourceUpdate | undefined;
  /** Resolves when not too much waits. */
  room(signal: AbortSignal): Promise<void>;
  /** Peers of the links that were told of and have not gone. */
  links(): readonly string[];
  /** Another agent is told of from now on. */
  clear(): void;
}

/** Updates that may wait, each of a size that its schema bounds: about two seconds. While nobody takes them no more are read. */
const updatesMax = 10;

/** What an agent elsewhere told since it was taken last, put together. */
export function createWaiting(): Waiting {
  let waiting: SourceUpdate | undefined;
  let count = 0;
  let wake = (): void => undefined;
  const known = new Set<string>();

  return {
    put(update) {
      for (const peer of update.gone) known.delete(peer);
      // One that tells of ever more links and of the end of none is told no further.
      const links = update.links.filter(({ to }) => known.has(to) || (known.size < keptLimits.links && known.add(to)));
      const heard = { ...update, links };
      waiting = waiting === undefined ? heard : joined(waiting, heard);
      count += 1;
    },
    take() {
      const taken = waiting;
      waiting = undefined;
      count = 0;
      wake();
      return taken;
    },
    room(signal) {
      if (count < updatesMax || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          signal.removeEventListener("abort", done);
          wake = () => undefined;
          resolve();
        };
        wake = done;
        signal.addEventListener("abort", done);
      });
    },
    links: () => [...known],
    clear() {
      known.clear();
      waiting = undefined;
      count = 0;
    },
  };
}

function joined(before: SourceUpdate, now: SourceUpdate): SourceUpdate {
  const links = new Map<string, LinkView>([...before.links, ...now.links].map((link) => [link.to, link]));
  for (const peer of now.gone) links.delete(peer);
  const gone = new Set([...before.gone, ...now.gone]);
  for (const { to } of now.links) gone.delete(to);
  const agent = now.agent ?? before.agent;
  const second = now.second ?? before.second;
  return {
    at: now.at,
    ...(agent === undefined ? {} : { agent }),
    links: [...links.values()],
    gone: [...gone],
    messages: [...before.messages, ...now.messages],
    dropped: before.dropped + now.dropped,
    ...(second === undefined ? {} : { second: second satisfies SourceSecond }),
    breakers: [...before.breakers, ...now.breakers],
    security: [...before.security, ...now.security],
    events: [...before.events, ...now.events],
  };
}
