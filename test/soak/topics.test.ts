import { expect, test } from "vitest";
import { soakTopics } from "./topics.js";

// `npm run soak:topics` is the same with 200 subscribers and 10,000 events.
test("TM-123: 50 subscribers, half of which come while it publishes, get every event published after SUBSCRIBED, once and in order; the publisher's memory is bounded", async () => {
  const figures = await soakTopics(50, 1_000);
  expect({ wrong: figures.wrong, dropped: figures.dropped }).toEqual({ wrong: 0, dropped: 0 });
  expect(figures.publisherPeakQueued).toBeLessThanOrEqual(1_024);
  // The windows of 50 links, and queues that share one encoding.
  expect(figures.publisherPeakBytes).toBeLessThan(64 * 1024 * 1024);
}, 120_000);
