export { openNatsStore, type NatsStoreOptions } from "./open.js";
export type { BucketOptions } from "./bucket.js";
export type { JetStreamConnection, NatsReply } from "./connection.js";
