/** What subscribers and publishers say to each other: see wire.ts. */
export const names = { subscribe: "subscribe", unsubscribe: "unsubscribe", credit: "events", ended: "unsubscribed" } as const;
