export { createHub, type Hub, type HubOptions } from "./hub.js";
export { connectMemory, type MemoryOptions } from "./transport.js";
