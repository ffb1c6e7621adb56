import type { OnDemand } from "../../on-demand.js";
import * as hello from "./hello.js";

/** Here from the start, so that what peers say of themselves is read in the turn in which it comes. Bundlers for browsers take hello-on-demand-browser.ts instead. */
export const loadHello: OnDemand<typeof hello> = Object.assign(async () => hello, { loaded: hello });
