import type { Fifo } from "../../link/fifo.js";
import type { Outlet } from "./outlet.js";
import type { OfTopic, Published, Retained, TopicSettings } from "./published.js";

/** A topic as its publisher keeps it. */
export interface PublishedTopic extends OfTopic {
  settings: TopicSettings;
  declared: boolean;
  published: number;
  /** Who gets its events, as of `edition` of all subscriptions. */
  targets: readonly Outlet[];
  edition: number;
  /** In their order: the first waits for a subscriber's queue. */
  readonly waiting: Fifo<WaitingEvent>;
  readonly retained: Fifo<Retained>;
  retainedBytes: number;
}

export interface WaitingEvent {
  readonly event: Published;
  /** It was given up. */
  over: boolean;
  settle(error?: Error): void;
}
