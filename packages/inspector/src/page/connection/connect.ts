import type { Runtime } from "@tightbeam/core/runtime";
import { feedPath, heartbeatEvery, tokenHeader } from "../../feed/protocol.js";
import type { FeedBatch } from "../../feed/types.js";
import { createEventReader } from "./events.js";

/** How the page stands to its server. `refused`: it will not ask again by itself. */
export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "live"; readonly since: number }
  | { readonly state: "lost"; readonly since: number; readonly retryAt: number }
  | { readonly state: "refused"; readonly status: number; readonly message: string };

export interface ConnectOptions {
  readonly runtime: Runtime;
  readonly fetch: typeof globalThis.fetch;
  readonly token: string;
  readonly onBatch: (batch: FeedBatch) => void;
  readonly onConnection: (connection: Connection) => void;
}

const retryFirst = 500;
const retryMost = 5_000;
const silenceMost = 3 * heartbeatEvery;

/** Follows the feed until the function that it returns is called. A connection that ends or falls silent is made again, ever more slowly. */
export function connect({ runtime, fetch, token, onBatch, onConnection }: ConnectOptions): () => void {
  const { clock, timers } = runtime;
  let ended = false;
  let delay = retryFirst;
  let stop: () => void = () => undefined;

  async function follow(): Promise<void> {
    const controller = new AbortController();
    let unwatch = timers.after(silenceMost, () => controller.abort());
    stop = () => {
      unwatch();
      controller.abort();
    };
    const heard = (): void => {
      unwatch();
      unwatch = timers.after(silenceMost, () => controller.abort());
    };
    try {
      const response = await fetch(feedPath, {
        headers: { [tokenHeader]: token, accept: "text/event-stream" },
        cache: "no-store",
        credentials: "omit",
        signal: controller.signal,
      });
      if (!response.ok || response.body === null) {
        if (response.status >= 400 && response.status < 500) await refused(response);
        return;
      }
      const events = createEventReader((data) => {
        if (ended) return;
        const batch = JSON.parse(data) as FeedBatch;
        if (batch.whole) {
          delay = retryFirst;
          onConnection({ state: "live", since: clock.wall() });
        }
        onBatch(batch);
      });
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        heard();
        events.push(decoder.decode(part.value, { stream: true }));
      }
    } finally {
      stop();
    }
  }

  async function refused(response: Response): Promise<void> {
    const said = (await response.json().catch(() => undefined)) as { readonly error?: { readonly message?: unknown } } | undefined;
    const message = typeof said?.error?.message === "string" ? said.error.message : "";
    ended = true;
    onConnection({ state: "refused", status: response.status, message });
  }

  function begin(): void {
    if (ended) return;
    void follow()
      .catch(() => undefined)
      .then(() => {
        if (ended) return;
        const now = clock.wall();
        onConnection({ state: "lost", since: now, retryAt: now + delay });
        stop = timers.after(delay, begin);
        delay = Math.min(retryMost, delay * 2);
      });
  }

  onConnection({ state: "connecting" });
  begin();
  return () => {
    ended = true;
    stop();
  };
}
