import type { LinkView } from "../src/feed/types.js";

/** A link that is up and idle, between agents of these keys. */
export const linkView = (from: string, to: string, more: Partial<LinkView> = {}): LinkView => ({
  key: `${from} ${to}`,
  edge: `${from} ${to}`,
  from,
  to,
  state: "up",
  thumbprint: "",
  issuer: "",
  generation: 1,
  roundTrip: 1,
  awaited: 0,
  queue: { critical: 0, high: 0, normal: 0, low: 0 },
  inFlight: { messages: 0, bytes: 0, limit: 0 },
  credit: { messages: 0, bytes: 0 },
  ...more,
});
