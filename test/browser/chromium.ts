import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright";
import { findChromium } from "../../scripts/chromium.mjs";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];
const startMs = 60_000;

export const chromiumPath = findChromium();
/** `npm test` installs chromium where it may, before it runs the suites (scripts/chromium.mjs). */
export const chromiumMissing = "there is no chromium; install it (Debian: apt-get install chromium) or set TIGHTBEAM_CHROMIUM to its path";

/**
 * A chromium with a profile of its own, which goes with it. Started here and not by playwright, which switches the throttling of hidden pages off and
 * pretends to each page that it has the focus: these pages are to be as slow as a user's.
 */
export async function launchChromium(): Promise<{ context: BrowserContext; close(): Promise<void> }> {
  const profile = await mkdtemp(join(tmpdir(), "tightbeam-chromium-"));
  const child = spawn(chromiumPath ?? "", [...flags, `--user-data-dir=${profile}`, "about:blank"], { stdio: "ignore", detached: true });
  let ended = false;
  const gone = new Promise<void>((resolve) => {
    for (const event of ["exit", "error"]) {
      child.once(event, () => {
        ended = true;
        resolve();
      });
    }
  });
  // Its helpers are in its group and end with it.
  const stop = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // Ended already.
    }
  };
  const close = async (): Promise<void> => {
    process.off("exit", stop);
    stop();
    await gone;
    await rm(profile, { recursive: true, force: true, maxRetries: 10 });
  };
  process.on("exit", stop);
  try {
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${await debuggingPort(profile, () => ended)}`, { noDefaults: true, timeout: startMs });
    const [context] = browser.contexts();
    if (context === undefined) throw new Error("chromium has no window");
    return {
      context,
      async close() {
        await browser.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Chromium writes the port it chose into its profile. */
async function debuggingPort(profile: string, ended: () => boolean): Promise<number> {
  const file = join(profile, "DevToolsActivePort");
  const until = Date.now() + startMs;
  while (Date.now() < until && !ended()) {
    const port = existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : 0;
    if (port > 0) return port;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${chromiumPath} ${ended() ? "ended at once" : `did not start within ${startMs} ms`}`);
}
