import { onDemand } from "../../on-demand.js";

/** load-telemetry.ts for bundles that run in browsers: loaded with the first listener. */
export const loadTelemetry = onDemand(() => import("./telemetry.js"));
