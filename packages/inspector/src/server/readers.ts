import type { ServerResponse } from "node:http";
import type { Runtime } from "@tightbeam/core/runtime";
import type { Feed } from "../feed/feed.js";
import { heartbeatEvery } from "../feed/protocol.js";
import type { FeedBatch } from "../feed/types.js";

/** Bytes that may wait for one page: a whole batch and some seconds of a busy network. */
const waitingMaxBytes = 16 * 1024 * 1024;

export interface Readers {
  readonly count: number;
  /** Feeds a page until it leaves, is too slow, or all end. */
  add(response: ServerResponse): void;
  close(): void;
}

/** The pages that are open. Each batch is written out once for all of them. */
export function createReaders(feed: Feed, { timers }: Runtime): Readers {
  const open = new Set<ServerResponse>();
  let unsubscribe: (() => void) | undefined;
  let stopBeating: (() => void) | undefined;

  function drop(response: ServerResponse): void {
    open.delete(response);
    if (open.size > 0) return;
    unsubscribe?.();
    stopBeating?.();
    unsubscribe = undefined;
    stopBeating = undefined;
  }

  function write(response: ServerResponse, text: string): void {
    // What it did not read is not kept for it: it connects again, and begins with a whole batch.
    if (response.writableLength > waitingMaxBytes) response.destroy();
    else response.write(text);
  }

  function say(text: string): void {
    for (const response of open) write(response, text);
  }

  function beat(): void {
    stopBeating = timers.after(
      heartbeatEvery,
      () => {
        say(":\n\n");
        beat();
      },
      { background: true },
    );
  }

  const written = (batch: FeedBatch): string => `data: ${JSON.stringify(batch)}\n\n`;

  return {
    get count() {
      return open.size;
    },
    add(response) {
      response.once("close", () => drop(response));
      // Subscribed before it is asked for everything: nothing is missed in between.
      if (open.size === 0) {
        unsubscribe = feed.subscribe((batch) => say(written(batch)));
        beat();
      }
      write(response, written(feed.whole()));
      open.add(response);
    },
    close() {
      for (const response of open) response.destroy();
    },
  };
}
