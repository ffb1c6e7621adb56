/** Of every request for data: the token, which stands in the fragment of the page's first URL (`#token=<64 hexadecimal characters>`). */
export const tokenHeader = "x-tightbeam-inspector";

/** `GET`, text/event-stream of JSON: `data: <FeedBatch>`. */
export const feedPath = "/api/feed";

/** A comment line comes at least this often, ms: a page that hears nothing for three times as long should connect again. */
export const heartbeatEvery = 2_000;

/** ms between two batches at least. */
export const batchEvery = 200;

/** Of one batch: entries at most. A whole one may have more messages and points: what is kept. */
export const batchLimits = { messages: 200, security: 50, events: 100 } as const;

/** What a feed remembers for pages that come later. */
export const keptLimits = {
  agents: 2_000,
  links: 10_000,
  messages: 1_000,
  security: 500,
  events: 500,
  breakers: 2_000,
  agentBreakers: 200,
  totalPoints: 300,
  agentPoints: 30,
} as const;

/** ms. */
export const latencyBounds = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000] as const;

/** Of the stream that agents elsewhere are seen through, and before a dot of what is asked of them. */
export const inspectionName = "inspection";
