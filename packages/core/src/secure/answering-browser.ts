import { onDemand } from "../on-demand.js";
import type { Context } from "./context.js";
import { createLateResponder } from "./late-responder.js";
import type { Responder } from "./responder.js";

const load = onDemand(() => import("./responder.js"));

/** answering.ts for bundles that run in browsers: what answers is loaded with the first HS1. */
export const createAnswering = (context: Context): Responder => createLateResponder(context, load);
