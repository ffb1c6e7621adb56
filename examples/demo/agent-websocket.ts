import { connectWebSocket } from "@tightbeam/websocket";
import { runAgent } from "./agent.js";

runAgent(({ url, identity }) => connectWebSocket(url, { identity }));
