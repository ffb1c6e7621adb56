import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSecret } from "@tightbeam/core/identity";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commands } from "../../src/commands/index.js";
import type { Frame } from "../../src/invocation.js";
import { createTerminal, type Terminal } from "../process.js";

let terminal: Terminal;
beforeAll(async () => {
  terminal = await createTerminal();
  writeFileSync(join(terminal.place, "team.secret"), `${Buffer.from(generateSecret()).toString("base64url")}\n`, { mode: 0o600 });
  writeFileSync(join(terminal.place, "words.txt"), "these are words\n");
});
afterAll(() => terminal.close());

/** Nobody is there: what is wrong is found before anybody is asked. */
const bob = ["--id", "bob", "--shared-secret-file", "team.secret", "--url", "ws://127.0.0.1:1"];

/** For each command and sub-command something that its user got wrong, the exit code, and a part of what is said. */
const wrong: readonly (readonly [command: string, args: readonly string[], code: number, says: RegExp])[] = [
  ["keygen", ["--alg", "RS256", "--out", "bob.key"], 2, /--alg.*EdDSA, ES256/],
  [
    "token issue",
    ["--authority-key", "words.txt", "--issuer", "https://a.example", "--id", "bob", "--public-key", "words.txt"],
    2,
    /public key in words.txt is not JSON/,
  ],
  ["token verify", ["nowhere.token", "--jwks", "nowhere.json", "--issuer", "https://a.example"], 2, /nowhere.token: there is no such file/],
  ["token inspect", ["-"], 2, /no token/],
  ["authority", ["--key", "authority.key"], 2, /Nobody could get a token/],
  ["relay", ["--port", "70000"], 2, /--port.*70000.*65535/],
  ["listen", ["work", ...bob, "--exec", "./nothing"], 2, /program of --exec is not there/],
  ["request", [...bob, "alice", "find", "{words"], 9, /not JSON/],
  ["notify", [...bob, "alice", "find", "1", "--confirm", "maybe"], 2, /--confirm.*sent, received, done/],
  ["stream", [...bob, "alice", "find", "@nowhere.json"], 2, /nowhere.json: there is no such file/],
  ["publish", [...bob, "build", "{words"], 9, /not JSON/],
  ["subscribe", [...bob, "build", "--replay", "0"], 2, /--replay.*1 to 1024/],
  ["ping", [...bob], 2, /Whom is it for/],
  ["tap", ["memory:"], 2, /A tap listens to a relay/],
  ["bench", ["--bytes", "-1"], 2, /--bytes.*0 to 16777216/],
  ["doctor", ["alice", "bob"], 2, /Too many arguments/],
  ["dlq list", [...bob, "--of", "alice", "--reason", "boredom"], 2, /--reason.*boredom/],
  ["dlq show", [...bob, "--of", "alice"], 2, /argument 'id'/],
  ["dlq replay", [...bob, "--of", "alice"], 2, /Which letters/],
  ["dlq discard", [...bob, "--of", "alice"], 2, /Which letters/],
  ["trace watch", bob, 2, /argument 'agents'/],
  ["trace list", ["--store", "nowhere"], 2, /Where are the traces/],
  ["trace show", ["--store", "nowhere"], 2, /argument 'id'/],
  ["trace stats", ["--store", "nowhere"], 2, /Where are the traces/],
  ["inspect", [...bob, "alice", "--port", "x"], 2, /--port/],
  ["init", ["mine", "--transport", "pigeon"], 2, /--transport.*websocket, nats/],
  ["completion", ["fish"], 2, /fish.*bash, zsh/],
];

async function leaves(): Promise<string[]> {
  const frame: Frame = { action: () => async () => undefined, whole: async () => new Command() };
  const names: string[] = [];
  for (const { name, load } of commands) {
    const command = new Command(name);
    (await load()).define(command, frame);
    names.push(...(command.commands.length === 0 ? [name] : command.commands.map((each) => `${name} ${each.name()}`)));
  }
  return names.sort();
}

describe("wrong input", () => {
  it("is tried with every command", async () => {
    expect(wrong.map(([command]) => command).sort()).toEqual(await leaves());
  });

  it.each(wrong)("of %s is refused in one sentence, with what to do", async (command, args, code, says) => {
    const ended = await terminal.run([...command.split(" "), ...args, "--json"]);
    const { error } = JSON.parse(ended.stderr) as { error: { code: string; message: string; advice?: string } };
    expect({ ...ended, stderr: error.message }).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(says) });
    expect(error.message).toMatch(/[.!?]$|: \.\/nothing$/);
    expect(ended.stderr).not.toMatch(/\n\s+at /);
  });
});
