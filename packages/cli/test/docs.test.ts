import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commands } from "../src/commands/index.js";
import { exitCodes } from "../src/exit-codes.js";
import { createTerminal, type Terminal } from "./process.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = readFileSync(join(root, "docs/cli.md"), "utf8");

describe("docs/cli.md", () => {
  it("names every command", () => {
    expect(commands.filter(({ name }) => !page.includes(`| \`tightbeam ${name}\` |`)).map(({ name }) => name)).toEqual([]);
  });

  it("has every exit code, and no other", () => {
    const rows = [...page.matchAll(/^\| (\d+) \| (\w+) \|/gm)].map(([, code, name]) => [name, Number(code)]);
    expect(Object.fromEntries(rows)).toEqual(exitCodes);
  });

  it("has every variable that settings read", () => {
    const sources = ["settings.ts", "profile.ts", "report.ts", "commands/relay/serve.ts", "commands/listen/program.ts"].map((name) =>
      readFileSync(join(root, "packages/cli/src", name), "utf8"),
    );
    const read = new Set(sources.join("\n").match(/\bTIGHTBEAM_[A-Z_]+[A-Z]/g));
    expect(read.size).toBeGreaterThan(20);
    expect([...read].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("README.md", () => {
  let terminal: Terminal;
  beforeAll(async () => {
    terminal = await createTerminal();
  });
  afterAll(() => terminal.close());

  it("begins with an example that works as it stands", async () => {
    const [, example = ""] = /```sh\n([\s\S]*?)```/.exec(readFileSync(join(root, "packages/cli/README.md"), "utf8")) ?? [];
    const printed: string[] = [];
    for (const line of example.trim().split("\n")) {
      const [, text, file] = /^echo '(.*)' > (\S+)$/.exec(line) ?? [];
      if (text !== undefined && file !== undefined) {
        writeFileSync(join(terminal.place, file), text);
        continue;
      }
      const [command = "", comment] = line.split(/ +# /);
      const words = [...command.replace(/^npx tightbeam /, "").matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
      if (words[0] === "relay") {
        // Any port that is free here, in place of the one that the profile names.
        const [, url = ""] = await terminal.start([...words, "--port", "0"]).expect(/listening on (\S+)/);
        const profile = join(terminal.place, "tightbeam.json");
        writeFileSync(profile, readFileSync(profile, "utf8").replace("ws://127.0.0.1:8787", url));
      } else if (comment?.startsWith("leave it running") === true) await terminal.start(words).expect(/listens to/);
      else {
        const { code, stdout, stderr } = await terminal.run(words);
        expect(code, `${line}\n${stderr}`).toBe(0);
        printed.push(stdout);
      }
    }
    expect(printed.join("")).toMatch(/"text": "hello"[\s\S]*round trips/);
    // One program after the other.
  }, 60_000);
});
