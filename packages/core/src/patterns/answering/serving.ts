/** The side that answers. Bundlers for browsers take serving-browser.ts instead (`browser` in package.json): many pages only ask. */
export { serverOf as createServing } from "./server.js";
