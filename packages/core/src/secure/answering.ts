/**
 * What answers handshakes. Bundlers for browsers take answering-browser.ts instead (`browser` in package.json): most pages dial, and are
 * never dialled.
 */
export { createResponder as createAnswering } from "./responder.js";
