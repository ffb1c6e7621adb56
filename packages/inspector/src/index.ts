export { type Inspected, type InspectOptions, type Inspector, inspect } from "./inspect.js";
export { type ServeInspectionOptions, serveInspection } from "./remote/serve.js";
export { type RemoteSourceOptions, remoteSource } from "./remote/remote-source.js";
export type { InspectedAgent } from "./source/local.js";
export type { Reveal } from "./source/payloads.js";
export type { InspectedTraces } from "./source/trace-store.js";
export type { InspectionSource } from "./source/types.js";
