// `npm run bench`: what is measured are the packages as they are built, so they are built first; but not for whoever only asks how.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import "./options.js";

const cwd = fileURLToPath(new URL("..", import.meta.url));
for (const step of ["node_modules/typescript/bin/tsc -b", "scripts/build-core.mjs"]) {
  const { status } = spawnSync(process.execPath, step.split(" "), { cwd, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, NODE_OPTIONS: "" } });
  if (status !== 0) process.exit(1);
}
await import("./main.js");
