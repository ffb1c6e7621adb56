// The broker for the NATS suites: the nats-server on this machine, installed through apt where that is allowed.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian's is in /usr/sbin, which is not in everybody's PATH. */
const PLACES = [...(process.env.PATH ?? "").split(delimiter).filter(Boolean), "/usr/sbin", "/usr/local/bin", "/opt/homebrew/bin"].map((folder) =>
  join(folder, "nats-server"),
);

function runs(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of an installed nats-server (or `TIGHTBEAM_NATS_SERVER`), or undefined. Installs nothing. */
export function findNatsServer() {
  return [process.env.TIGHTBEAM_NATS_SERVER, ...PLACES].find((path) => path && runs(path));
}

export const install = "install nats-server (Debian: apt-get install nats-server) or set TIGHTBEAM_NATS_SERVER to its path";

/** Whether `ensureNatsServer` may install one here, or why not. */
function forbidden() {
  if (process.env.TIGHTBEAM_NO_INSTALL) return "no nats-server here, and TIGHTBEAM_NO_INSTALL forbids installing it";
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return "no nats-server here, and only root on Debian may install it";
  return undefined;
}

/**
 * Finds nats-server, or installs it when this is root on Debian and `TIGHTBEAM_NO_INSTALL` is not set.
 * Returns `{ path }`, or `{ reason, install }` saying why there is none and what to do.
 */
export function ensureNatsServer() {
  const found = findNatsServer();
  if (found) return { path: found };
  const reason = forbidden();
  if (reason) return { reason, install };
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", "nats-server"],
  ]) {
    const result = spawnSync("apt-get", args, { encoding: "utf8", env, timeout: 300_000 });
    if (result.error || result.status !== 0) {
      const said = `${result.stderr ?? ""}`.trim().split("\n").at(-1) || result.error?.message || `exit code ${result.status}`;
      return { reason: `apt-get ${args[0]} failed: ${said}`, install };
    }
  }
  const path = findNatsServer();
  return path ? { path } : { reason: "apt-get installed nats-server, but it is at none of the known paths", install };
}
