import type { Example } from "./example.js";
import { orders } from "./orders/main.js";
import { organizer } from "./organizer/main.js";
import { requestReply } from "./request-reply.js";
import { tokenStream } from "./token-stream.js";
import { topics } from "./topics.js";
import { workerPool } from "./worker-pool.js";

/** In the order in which a newcomer reads them. */
export const examples: readonly Example[] = [requestReply, tokenStream, topics, workerPool, orders, organizer];
