import type { Example } from "./example.js";
import { requestReply } from "./request-reply.js";

/** In the order in which a newcomer reads them. */
export const examples: readonly Example[] = [requestReply];
