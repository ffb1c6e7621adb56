export * from "./faults/index.js";
export * from "./stores/index.js";
export * from "./suite.js";
export { testStore, testTransport } from "./vitest.js";
