import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTerminal, type Terminal } from "../process.js";

let terminal: Terminal;
beforeAll(async () => {
  terminal = await createTerminal();
});
afterAll(() => terminal.close());

describe("tightbeam keygen", () => {
  it("TM-245 writes a private key that only its owner may read, and prints the public half", async () => {
    const { code, stdout, stderr } = await terminal.run(["keygen", "--out", "bob.key"]);
    expect(code).toBe(0);
    const file = join(terminal.place, "bob.key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { d, ...rest } = JSON.parse(readFileSync(file, "utf8")) as { d: string };
    expect(JSON.parse(stdout)).toEqual(rest);
    expect(stderr).toContain("bob.key, mode 600");
    expect(stdout + stderr).not.toContain(d);

    const again = await terminal.run(["keygen", "--out", "bob.key", "--json"]);
    expect(again.code).toBe(2);
    expect(again.stdout).toBe("");
    expect(JSON.parse(again.stderr)).toMatchObject({ error: { code: "usage", exitCode: 2, message: "bob.key is there already, and nothing was written." } });

    const shown = await terminal.run(["keygen", "--public-of", "bob.key", "--json"]);
    expect(JSON.parse(shown.stdout)).toMatchObject({ alg: "EdDSA", publicJwk: rest });

    chmodSync(file, 0o640);
    const open = await terminal.run(["keygen", "--public-of", "bob.key"]);
    expect(open.code).toBe(2);
    expect(open.stderr).toBe(
      "error: Others may read the private key in bob.key (mode 640).\n  chmod 600 bob.key\n  If its mode cannot be changed, give it on stdin: -\n",
    );
  });

  it("makes secrets, and ES256 keys, for a pipe if asked", async () => {
    const secret = await terminal.run(["keygen", "--secret", "--out", "-"]);
    expect(secret).toMatchObject({ code: 0, stderr: "" });
    expect(Buffer.from(secret.stdout.trim(), "base64url")).toHaveLength(32);
    const document = await terminal.run(["keygen", "--secret", "--out", "-", "--json"]);
    expect(JSON.parse(document.stdout)).toEqual({ secret: expect.stringMatching(/^[\w-]{43}$/), bytes: 32 });
    const key = await terminal.run(["keygen", "--alg", "ES256", "--out", "-"]);
    expect(JSON.parse(key.stdout)).toMatchObject({ kty: "EC", crv: "P-256" });
  });

  it.runIf(existsSync("/dev/full"))("says that its output cannot be written, and fails", () => {
    const { status, stderr } = spawnSync("sh", ["-c", `"$0" "$@" > /dev/full`, process.execPath, terminal.bin, "keygen", "--out", "-", "--json"], {
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "system", message: "The output cannot be written: ENOSPC." } });
  });

  it("says where the private half should go", async () => {
    const { code, stdout, stderr } = await terminal.run(["keygen"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Give --out <file>");
  });
});
