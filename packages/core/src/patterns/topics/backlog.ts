import { TightbeamError } from "../../errors.js";
import * as limits from "../../limits.js";
import type { Timers } from "../../runtime/runtime.js";
import { cancelled, type OperationOptions, timeoutOf } from "../asking/operation.js";
import type { Published } from "./published.js";
import type { PublishedTopic, WaitingEvent } from "./published-topic.js";

export interface BacklogOptions {
  readonly timers: Pick<Timers, "after">;
  /** Whether the topic's next event may go: each of its subscribers has room, or is waited for no longer. */
  readonly ready: (topic: PublishedTopic) => boolean;
  readonly deliver: (topic: PublishedTopic, event: Published) => void;
  /** What could go has gone. */
  readonly onAdvanced: () => void;
}

/** Events that were published and given to nobody yet: a subscriber's queue has no room, and whoever published waits. */
export interface Backlog {
  /** Resolves when the event is given to its subscribers. Throws `overloaded`. */
  wait(topic: PublishedTopic, event: Published, options: OperationOptions): Promise<void>;
  /** Whatever made room calls this, also from within. */
  advance(): void;
  /** How many wait. */
  readonly count: number;
  stop(error: TightbeamError): void;
}

export function createBacklog({ timers, ready, deliver, onAdvanced }: BacklogOptions): Backlog {
  const topics = new Set<PublishedTopic>();
  let count = 0;
  let advancing = false;

  return {
    wait(topic, event, options) {
      if (count >= limits.publishesWaiting || !event.hold())
        throw new TightbeamError("overloaded", "Too many events wait for slow subscribers: wait for the promise of each publish before the next.");
      count++;
      topics.add(topic);
      return new Promise((resolve, reject) => {
        const ms = timeoutOf(options);
        const { signal } = options;
        const abort = (): void => entry.settle(signal === undefined ? undefined : cancelled(signal));
        const late = (): void => entry.settle(new TightbeamError("timeout", `No subscriber's queue had room for ${ms} ms: the event was given to nobody.`));
        const clear = timers.after(ms, late, { background: true });
        signal?.addEventListener("abort", abort, { once: true });
        const entry: WaitingEvent = {
          event,
          over: false,
          settle(error?: Error) {
            if (entry.over) return;
            entry.over = true;
            count--;
            event.letGo();
            clear();
            signal?.removeEventListener("abort", abort);
            if (error === undefined) resolve();
            else reject(error);
          },
        };
        topic.waiting.push(entry);
      });
    },
    advance() {
      if (advancing) return;
      advancing = true;
      for (const topic of topics) {
        for (let next = topic.waiting.peek(); next !== undefined && (next.over || ready(topic)); next = topic.waiting.peek()) {
          topic.waiting.shift();
          if (next.over) continue;
          deliver(topic, next.event);
          next.settle();
        }
        if (topic.waiting.length === 0) topics.delete(topic);
      }
      advancing = false;
      onAdvanced();
    },
    get count() {
      return count;
    },
    stop(error) {
      for (const topic of topics) for (let next = topic.waiting.shift(); next !== undefined; next = topic.waiting.shift()) next.settle(error);
      topics.clear();
    },
  };
}
