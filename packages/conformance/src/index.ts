export * from "./faults/index.js";
export * from "./suite.js";
export { testTransport } from "./vitest.js";
