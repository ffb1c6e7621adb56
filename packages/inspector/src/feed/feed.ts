import type { FeedAnswer, FeedFields, FeedRequestName } from "./requests.js";
import type { FeedBatch } from "./types.js";

/** What the server hands to pages: the real one merges sources, tests play one. */
export interface Feed {
  /** Everything there is, as the first batch of a connection. Its `sequence` is the server's business. */
  whole(): FeedBatch;
  /** Told of each batch, at most 5 a second, until the function that it returns is called. */
  subscribe(listener: (batch: FeedBatch) => void): () => void;
  /** Rejects with a TightbeamError. What is asked has been checked against its schema. */
  ask<N extends FeedRequestName>(name: N, fields: FeedFields<N>): Promise<FeedAnswer<N>>;
}
