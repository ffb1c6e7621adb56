export { checkChanges, checkKeyPrefix, numberKey } from "./keys.js";
export { createMemoryStore } from "./memory.js";
export type { DamagedEntry, ScanOptions, Store, StoreCapabilities, StoreChange, StoreEntry } from "./types.js";
