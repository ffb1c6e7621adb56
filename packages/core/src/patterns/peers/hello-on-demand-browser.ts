import { onDemand } from "../../on-demand.js";

/** hello-on-demand.ts for bundles that run in browsers: loaded with the first link, beside its first messages, which do not wait for it. */
export const loadHello = onDemand(() => import("./hello.js"));
