export { type Carrier, connectThrough } from "./connect.js";
export type { ThroughOptions } from "./options.js";
