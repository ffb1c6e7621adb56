export { type AwaitUsing, awaitUsing } from "../disposable.js";
export { isTightbeamError, TightbeamError, type ErrorCode } from "../errors.js";
export type { StoreStart } from "./header.js";
export { checkChanges, checkKeyPrefix, isKey, numberKey } from "./keys.js";
export { createMemoryStore } from "./memory.js";
export type { StoreKey } from "./sealed.js";
export { openState, type State, type StateOptions } from "./state.js";
export type { DamagedEntry, ScanOptions, Store, StoreCapabilities, StoreChange, StoreEntry } from "./types.js";
