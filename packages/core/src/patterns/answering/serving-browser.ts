import { onDemand } from "../../on-demand.js";
import { createLateServer } from "./late-server.js";
import type { Server, ServingOptions } from "./server-types.js";

const load = onDemand(() => import("./server.js"));

/** serving.ts for bundles that run in browsers: what answers is loaded with the first handler, or with what a peer first asks. */
export const createServing = (options: ServingOptions): Server => createLateServer(options, load);
