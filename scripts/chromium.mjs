// The browser for the browser suites: the system's chromium, installed through apt where that is allowed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

/** The path of an installed chromium (or `TIGHTBEAM_CHROMIUM`), or undefined. Installs nothing. */
export function findChromium() {
  return [process.env.TIGHTBEAM_CHROMIUM, ...PLACES].find((path) => path && existsSync(path));
}

/**
 * Finds chromium, or installs it when this is root on Debian and `TIGHTBEAM_NO_INSTALL` is not set.
 * Returns `{ path }`, or `{ reason, install }` saying why there is none and what to do.
 */
export function ensureChromium() {
  const found = findChromium();
  if (found) return { path: found };
  const install = "install chromium (Debian: apt-get install chromium) or set TIGHTBEAM_CHROMIUM to its path";
  if (process.env.TIGHTBEAM_NO_INSTALL) return { reason: "no chromium here, and TIGHTBEAM_NO_INSTALL forbids installing it", install };
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return { reason: "no chromium here, and only root on Debian may install it", install };
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
  ]) {
    const result = spawnSync("apt-get", args, { encoding: "utf8", env, timeout: 300_000 });
    if (result.error || result.status !== 0) {
      const said = `${result.stderr ?? ""}`.trim().split("\n").at(-1) || result.error?.message || `exit code ${result.status}`;
      return { reason: `apt-get ${args[0]} failed: ${said}`, install };
    }
  }
  const path = findChromium();
  return path ? { path } : { reason: "apt-get installed chromium, but it is at none of the known paths", install };
}
