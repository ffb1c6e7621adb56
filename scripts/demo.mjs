// `npm run demo`: bundles examples/demo and runs it.
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundlePrograms } from "./bundle.mjs";
import { ensureNatsServer } from "./nats-server.mjs";

const folder = new URL("../examples/demo/", import.meta.url);
const programs = ["main", "agent-websocket", "agent-nats", "relay", "broker"];
const bundle = await bundlePrograms("demo", Object.fromEntries(programs.map((name) => [name, fileURLToPath(new URL(`${name}.ts`, folder))])));

const { main } = await import(pathToFileURL(bundle("main")).href);
const agents = { websocket: bundle("agent-websocket"), nats: bundle("agent-nats") };
process.exit(await main(process.argv.slice(2), { folder, agents, relay: bundle("relay"), broker: bundle("broker"), natsServer: ensureNatsServer }));
