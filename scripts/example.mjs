// `npm run example`: bundles examples/programs and runs one of them.
import { fileURLToPath, pathToFileURL } from "node:url";
import { bundlePrograms } from "./bundle.mjs";
import { ensureNatsServer } from "./nats-server.mjs";

const source = (path) => fileURLToPath(new URL(`../examples/${path}.ts`, import.meta.url));
const bundle = await bundlePrograms("example", {
  main: source("programs/main"),
  broker: source("demo/broker"),
  warehouse: source("programs/orders/warehouse-process"),
});

const { main } = await import(pathToFileURL(bundle("main")).href);
process.exit(await main(process.argv.slice(2), { broker: bundle("broker"), programs: { warehouse: bundle("warehouse") }, natsServer: ensureNatsServer }));
