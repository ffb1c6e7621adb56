import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTerminal, type Terminal } from "../process.js";

let terminal: Terminal;
beforeAll(async () => {
  terminal = await createTerminal();
});
afterAll(() => terminal.close());

/** That what it makes runs is shown by test/packing.test.ts. */
describe("tightbeam init", () => {
  it.each(["websocket", "nats"] as const)("TM-250 writes a project over %s, and its secret for its owner only", async (transport) => {
    const { code, stdout, stderr } = await terminal.run(["init", `over-${transport}`, "--transport", transport, "--no-install", "--json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { folder, files, next } = JSON.parse(stdout) as { folder: string; files: string[]; next: string[] };
    expect(next).toEqual([`cd over-${transport}`, "npm install", "npm start", "npm test"]);
    for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true);
    expect(files).toEqual(
      expect.arrayContaining([".gitignore", ".secrets/team.secret", "package.json", "src/contract.ts", "src/network.ts", "test/library.test.ts"]),
    );
    expect(statSync(join(folder, ".secrets/team.secret")).mode & 0o777).toBe(0o600);
    const secret = readFileSync(join(folder, ".secrets/team.secret"), "utf8").trim();
    expect(Buffer.from(secret, "base64url")).toHaveLength(32);
    expect(stdout).not.toContain(secret);
    for (const file of files.filter((each) => !each.startsWith(".secrets"))) {
      const text = readFileSync(join(folder, file), "utf8");
      expect(text, file).not.toContain(secret);
      expect(text, file).not.toMatch(/\{\{/);
    }
    expect(readFileSync(join(folder, ".gitignore"), "utf8")).toContain(".secrets");
    const { name, dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { name: string; dependencies: object };
    expect(name).toBe(`over-${transport}`);
    expect(Object.keys(dependencies)).toEqual(["@tightbeam/core", `@tightbeam/${transport}`, "zod"]);
  });

  it("says what comes next, to people", async () => {
    const { code, stdout, stderr } = await terminal.run(["init", "Some Agents!", "--no-install"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/cd 'Some Agents!'\n {2}npm install\n {2}npm start\n {2}npm test\n/);
    expect(stderr).toMatch(/^Wrote \d+ files to Some Agents!\.\n$/);
    expect(JSON.parse(readFileSync(join(terminal.place, "Some Agents!/package.json"), "utf8"))).toMatchObject({ name: "some-agents-" });
  });

  it("touches nothing of a folder that has something in it, or of a file", async () => {
    mkdirSync(join(terminal.place, "mine"));
    writeFileSync(join(terminal.place, "mine/notes.txt"), "mine");
    const full = await terminal.run(["init", "mine"]);
    expect(full).toMatchObject({ code: 2, stdout: "" });
    expect(full.stderr).toBe("error: mine is not empty, and nothing was written.\n  Name a folder that is not there yet: `tightbeam init my-agents`.\n");
    const file = await terminal.run(["init", "mine/notes.txt"]);
    expect(file).toMatchObject({ code: 2, stdout: "" });
    expect(file.stderr).toContain("mine/notes.txt is a file.");
    expect(await terminal.run(["init", "x", "--transport", "carrier-pigeon"])).toMatchObject({ code: 2, stdout: "" });
    expect(existsSync(join(terminal.place, "x"))).toBe(false);
  });

  it("leaves the files when npm fails, and says what npm said", async () => {
    const bin = join(terminal.place, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "npm"), "#!/bin/sh\necho 'npm error code E404' >&2\nexit 1\n", { mode: 0o755 });
    const { code, stdout, stderr } = await terminal.run(["init", "unlucky"], { env: { PATH: `${bin}:${process.env.PATH}` } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("npm install failed; the project's files are all there.\n  npm error code E404\n");
    expect(stderr).toContain("&& npm install");
    expect(existsSync(join(terminal.place, "unlucky/src/main.ts"))).toBe(true);
  });
});
