import { connectNats } from "@tightbeam/nats";
import { runAgent } from "./agent.js";

runAgent(({ url }) => connectNats({ servers: url }));
