/** What finds other instances of an agent. Bundlers for browsers take seeking-browser.ts instead: there it is loaded with the first requests that overlap. */
export { createSeeker as createSeeking } from "./seek.js";
