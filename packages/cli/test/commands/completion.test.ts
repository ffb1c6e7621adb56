import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTerminal, type Terminal } from "../process.js";

const exec = promisify(execFile);
const zshThere = spawnSync("zsh", ["--version"]).status === 0;
let terminal: Terminal;
beforeAll(async () => {
  terminal = await createTerminal();
});
afterAll(() => terminal.close());

/** What bash would offer behind these words, the last of which is being typed. */
async function offered(script: string, words: readonly string[]): Promise<string[]> {
  const line = words.map((word) => `'${word}'`).join(" ");
  const program = `${script}\nCOMP_WORDS=(tightbeam ${line})\nCOMP_CWORD=${words.length}\n_tightbeam\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await exec("bash", ["--norc", "-c", program], { cwd: terminal.place });
  return stdout.split("\n").filter((word) => word !== "");
}

describe("tightbeam completion", () => {
  it("completes commands, sub-commands, options and their values in bash", async () => {
    const { code, stdout: script, stderr } = await terminal.run(["completion", "bash"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await offered(script, ["re"])).toEqual(["relay", "request"]);
    expect(await offered(script, ["token", ""])).toEqual(expect.arrayContaining(["issue", "verify", "inspect"]));
    expect(await offered(script, ["token", "issue", "--aut"])).toEqual(["--authority-key"]);
    expect(await offered(script, ["request", "--json", "--priority", ""])).toEqual(["critical", "high", "normal", "low"]);
    expect(await offered(script, ["completion", "z"])).toEqual(["zsh"]);
    expect(await offered(script, ["request", "--timeout", ""])).toEqual([]);
    // Files are bash's own business.
    expect(await offered(script, ["keygen", "--out", ""])).toEqual([]);
    expect(await offered(script, ["nothing", "re"])).toEqual(["relay", "request"]);
  });

  it("is a script that zsh can read", async (context) => {
    const { code, stdout } = await terminal.run(["completion", "zsh"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^#compdef tightbeam\n/);
    if (!zshThere) return context.skip("there is no zsh; apt-get install zsh");
    await exec("zsh", ["-f", "-c", `autoload -U compinit && compinit -u -D\n${stdout}`]);
  });

  it("says which shells there are", async () => {
    const [fish, nothing] = await Promise.all([terminal.run(["completion", "fish"]), terminal.run(["completion"])]);
    expect([fish.code, nothing.code]).toEqual([2, 2]);
    expect(fish.stderr).toContain("Allowed choices are bash, zsh.");
    expect(nothing.stderr).toContain("'shell'");
  });
});
