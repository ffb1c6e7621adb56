import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, exportKey, generateKey } from "@tightbeam/core/identity";
import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTerminal, type Terminal } from "../process.js";

let terminal: Terminal;
const issuer = "https://agents.example";

beforeAll(async () => {
  terminal = await createTerminal();
  const key = await generateKey({ extractable: true });
  const authority = await createAuthority({ issuer, key });
  writeFileSync(join(terminal.place, "authority.key"), JSON.stringify(await exportKey(key)), { mode: 0o600 });
  writeFileSync(join(terminal.place, "jwks.json"), JSON.stringify(authority.jwks()));
  writeFileSync(join(terminal.place, "others.json"), JSON.stringify((await createAuthority({ issuer })).jwks()));
  const bob = await terminal.run(["keygen", "--out", "bob.key"]);
  writeFileSync(join(terminal.place, "bob.pub"), bob.stdout);
  await terminal.run(["keygen", "--out", "carol.key"]);
  const past = createVirtualRuntime({ seed: 1, start: Date.now() - 2 * 3_600_000 });
  const old = await createAuthority({ issuer, key, runtime: past });
  writeFileSync(join(terminal.place, "old.token"), await old.issue({ id: "bob", publicKey: JSON.parse(bob.stdout) as object }), { mode: 0o600 });
});
afterAll(() => terminal.close());

const issue = ["token", "issue", "--authority-key", "authority.key", "--issuer", issuer, "--id", "acme/bob", "--public-key", "bob.pub"];
const trusted = ["--jwks", "jwks.json", "--issuer", issuer];

describe("tightbeam token", () => {
  it("issues tokens that verify, for peers and for a relay", async () => {
    const issued = await terminal.run([
      ...issue,
      "--permission",
      "call:*",
      "--relay",
      "wss://relay.example/path",
      "--lifetime",
      "30m",
      "--out",
      "bob.token",
      "--json",
    ]);
    expect(issued).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(issued.stdout)).toMatchObject({ file: "bob.token", id: "acme/bob", audiences: [null, "wss://relay.example"] });
    const [verified, people, inspected] = await Promise.all([
      terminal.run(["token", "verify", "bob.token", ...trusted, "--key", "bob.key", "--id", "acme/bob", "--json"]),
      terminal.run(["token", "verify", "bob.token", ...trusted]),
      terminal.run(["token", "inspect", "bob.token"]),
    ]);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      verified: true,
      tokens: [
        { id: "acme/bob", issuer, audience: null, permissions: ["call:*"] },
        { id: "acme/bob", issuer, audience: "wss://relay.example", permissions: ["transport:presence:acme"] },
      ],
    });
    expect(people.stdout).toContain("good: acme/bob, for peers; of https://agents.example; call:*; expires in 30 min");
    expect(inspected.code).toBe(0);
    expect(inspected.stdout).toMatch(/agent acme\/bob, for peers\n {2}issuer {7}https:\/\/agents\.example\n {2}permissions {2}call:\*/);
    expect(inspected.stdout).toContain("Not verified");
  });

  it("TM-246 prints no token but in a pipe, where it was asked for", async () => {
    const piped = await terminal.run(issue);
    expect(piped.stdout).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const document = await terminal.run([...issue, "--json"]);
    expect(JSON.parse(document.stdout)).toMatchObject({ id: "acme/bob", tokens: [expect.stringMatching(/^eyJ/)] });
    const [inspected, people, wrong] = await Promise.all([
      terminal.run(["token", "inspect", "-", "--json"], { input: piped.stdout }),
      terminal.run(["token", "verify", ...trusted], { env: { TIGHTBEAM_TOKEN: piped.stdout.trim() } }),
      terminal.run(["token", "inspect", piped.stdout.trim()]),
    ]);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ verified: false, tokens: [{ header: { typ: "wit+jwt" }, claims: { iss: issuer, sub: "acme/bob" } }] });
    expect(people.code).toBe(0);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("A token does not stand on a command line");
    const signature = piped.stdout.trim().split(".")[2] as string;
    for (const { stdout, stderr } of [inspected, people, wrong]) expect(stdout + stderr).not.toContain(signature);
  });

  it("says what is wrong with a token: expired, another issuer, another key, signed by somebody else", async () => {
    await terminal.run([...issue, "--out", "now.token"]);
    const cases: [args: string[], code: number, message: RegExp][] = [
      [["old.token", ...trusted], 4, /The token expired \d+ min ago, at \d{4}-/],
      [
        ["now.token", "--jwks", "jwks.json", "--issuer", `${issuer}/`],
        4,
        /The token is of the issuer https:\/\/agents\.example, and the one that counts is https:\/\/agents\.example\//,
      ],
      [["now.token", ...trusted, "--key", "carol.key"], 4, /The token is bound to the key [\w-]{43}, and --key is [\w-]{43}/],
      [["now.token", "--jwks", "others.json", "--issuer", issuer], 4, /signed with the key [\w-]{43}[\s\S]*If the authority has another key now/],
      [["now.token", ...trusted, "--id", "carol"], 4, /belongs to acme\/bob, not/],
      [["now.token", ...trusted, "--audience", "wss://relay.example"], 4, /aud/],
      [["bob.pub", ...trusted], 2, /warning: Others may read the token in bob\.pub \(mode 644\)\.\nerror: What is in bob\.pub is no token\./],
      [["missing", ...trusted], 2, /The token cannot be read from missing: there is no such file\.\n +Give the name of a file, or - for stdin\./],
    ];
    const ended = await Promise.all(cases.map(([args]) => terminal.run(["token", "verify", ...args])));
    for (const [index, [args, code, message]] of cases.entries()) {
      expect(ended[index]?.stderr, args.join(" ")).toMatch(message);
      expect(ended[index]?.code, args.join(" ")).toBe(code);
      expect(ended[index]?.stdout).toBe("");
    }
  });

  it("TM-248 shows what a token claims as text, whatever it says of itself", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: "https://\u001b[2Jevil", sub: "bob\nerror: none", exp: -1e300 };
    const input = `${part({ alg: "EdDSA", kid: "\u009b1Akey" })}.${part(claims)}.AA`;
    const ended = await Promise.all([
      terminal.run(["token", "verify", "-", "--jwks", "jwks.json", "--issuer", claims.iss], { input }),
      terminal.run(["token", "inspect", "-"], { input }),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([4, 0]);
    for (const { stdout, stderr } of ended) {
      expect(stdout + stderr).not.toMatch(/(?!\n)\p{Cc}/u);
      expect(stdout + stderr).not.toMatch(/^error: none/m);
    }
  });

  it("says what it needs to issue one", async () => {
    const [publicKey, id, lifetime, key, missing] = await Promise.all([
      terminal.run([...issue.slice(0, -1), "authority.key.none"]),
      terminal.run([...issue, "--id", "a b"]),
      terminal.run([...issue, "--lifetime", "48h"]),
      terminal.run([...issue, "--authority-key", "bob.pub"]),
      terminal.run(["token", "issue"]),
    ]);
    expect([publicKey, id, lifetime, key, missing].map(({ code }) => code)).toEqual([2, 2, 2, 2, 2]);
    expect(lifetime.stderr).toContain("1,000 ms to 24 h");
    expect(key.stderr).toMatch(/Others may read the authority's key in bob\.pub|holds a public key/);
    expect(missing.stderr).toContain("--authority-key");
  });
});
