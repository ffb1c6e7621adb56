// `npm run replicas`: bundles examples/replicas and runs it.
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundlePrograms } from "./bundle.mjs";
import { ensureNatsServer } from "./nats-server.mjs";

const source = (path) => fileURLToPath(new URL(`../examples/${path}.ts`, import.meta.url));
const bundle = await bundlePrograms("replicas", { main: source("replicas/main"), worker: source("replicas/worker"), broker: source("demo/broker") });

const { main } = await import(pathToFileURL(bundle("main")).href);
process.exit(await main(process.argv.slice(2), { worker: bundle("worker"), broker: bundle("broker"), natsServer: ensureNatsServer }));
