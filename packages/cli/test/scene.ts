import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createTerminal, type Running } from "./process.js";

/** A terminal with an authority and a relay beside it, and profiles for `alice`, `bob` and `carol` in its tightbeam.json. Tests share it. */
export async function createScene() {
  const terminal = await createTerminal();
  const { place, run, start } = terminal;
  const names = ["alice", "bob", "carol"];
  await Promise.all(names.map((name) => run(["keygen", "--secret", "--out", `${name}.secret`])));
  const enrol = names.flatMap((name) => ["--enrol", `${name}=${name}.secret`]);
  const permissions = ["call", "publish", "subscribe", "serve"].flatMap((what) => ["--permission", `${what}:*`]);
  const authority = start(["authority", "--key", "authority.key", ...enrol, ...permissions, "--port", "0", "--json"]);
  const url = urlIn(await authority.expect(/"url":"([^"]+)"/));
  const relay = start(["relay", "--authority", url, "--port", "0", "--json"]);
  const relayUrl = urlIn(await relay.expect(/"url":"([^"]+)"/));
  const profiles = Object.fromEntries(names.map((id) => [id, { id, secret: `${id}.secret` }]));
  writeFileSync(join(place, "tightbeam.json"), JSON.stringify({ url: relayUrl, authority: url, profiles }));

  return {
    ...terminal,
    authority,
    authorityUrl: url,
    relay,
    relayUrl,
    /** Starts one and resolves when it listens. */
    async listening(args: readonly string[]): Promise<Running> {
      const running = start(["listen", ...args]);
      await running.expect(/listens to|"listening"/);
      return running;
    },
  };
}

export const urlIn = (found: RegExpExecArray): string => found[1] as string;

export type Scene = Awaited<ReturnType<typeof createScene>>;

/** Lines of NDJSON. */
export const documents = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
