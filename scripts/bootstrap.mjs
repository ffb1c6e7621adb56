// Runs before `npm test`, `npm run demo` and `npm run bench` on a machine that may have nothing but Node and npm:
// checks the Node version and installs the locked dependencies when they are missing or out of date.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MINIMUM = [20, 19];
const PNPM = "pnpm@10.34.9";
const root = fileURLToPath(new URL("..", import.meta.url));
const marker = join(root, "node_modules", ".modules.yaml");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
  stop(
    `Tightbeam needs Node ${MINIMUM.join(".")} or later, and this is Node ${process.versions.node}. Install a newer one (https://nodejs.org) and run this again.`,
  );
}

if (installNeeded()) install();

function installNeeded() {
  if (!existsSync(marker)) return true;
  const installed = statSync(marker).mtimeMs;
  const manifests = ["pnpm-lock.yaml", "pnpm-workspace.yaml"].map((name) => join(root, name));
  if (manifests.some((file) => statSync(file).mtimeMs > installed)) return true;
  return readdirSync(join(root, "packages")).some((name) => {
    const folder = join(root, "packages", name);
    return existsSync(join(folder, "package.json")) && !existsSync(join(folder, "node_modules"));
  });
}

function install() {
  console.log("Installing dependencies (once; under a minute) ...");
  const result = spawnSync("npx", ["-y", PNPM, "install", "--frozen-lockfile"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
    env: { ...process.env, npm_config_loglevel: "error", CI: "true" },
  });
  if (result.error || result.status !== 0) {
    process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
    stop(
      `The dependencies could not be installed (npx -y ${PNPM} install --frozen-lockfile: ${result.error?.message ?? `exit code ${result.status}`}). If the lines above do not say why, check the network and the npm registry setting; then run this again.`,
    );
  }
  // An install that had nothing to do leaves the marker as it was; without this the next run would install again.
  const now = new Date();
  utimesSync(marker, now, now);
}

function stop(message) {
  process.stderr.write(`\n${message}\n`);
  process.exit(1);
}
