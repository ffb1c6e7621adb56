export type { Feed } from "./feed/feed.js";
export type * from "./feed/requests.js";
export type * from "./feed/types.js";
export { type InspectorServer, type InspectorServerOptions, startServer } from "./server/server.js";
