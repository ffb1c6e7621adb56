import type { OnDemand } from "../../on-demand.js";
import * as telemetry from "./telemetry.js";

/** Here from the start, so that a listener hears of all that comes after it. Bundlers for browsers take load-telemetry-browser.ts instead. */
export const loadTelemetry: OnDemand<typeof telemetry> = Object.assign(async () => telemetry, { loaded: telemetry });
