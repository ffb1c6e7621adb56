// Shows the page with a network that is played: npx tsx --conditions=@tightbeam/source packages/inspector/test/show-fake.ts [--agents=100] [--rate=5000] [--read-only] [--port=7780]
import { parseArgs } from "node:util";
import { systemRuntime } from "@tightbeam/core/runtime";
import { ensurePage } from "../../../scripts/build-page.mjs";
import { startServer } from "../src/server/server.js";
import { createFakeFeed } from "./fake-feed.js";

const { values } = parseArgs({
  options: {
    agents: { type: "string", default: "3" },
    rate: { type: "string", default: "20" },
    port: { type: "string", default: "0" },
    "read-only": { type: "boolean", default: false },
  },
});
await ensurePage();
const allowActions = !values["read-only"];
const feed = createFakeFeed({ agents: Number(values.agents), rate: Number(values.rate), actions: allowActions, reveal: allowActions });
const { url } = await startServer({ feed, runtime: systemRuntime(), port: Number(values.port), allowActions });
console.log(url);
