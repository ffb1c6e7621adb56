import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createScene, documents, type Scene } from "../scene.js";

let scene: Scene;
beforeAll(async () => {
  scene = await createScene();
});
afterAll(() => scene.close());

describe("tightbeam authority", () => {
  it("TM-245 keeps its key in a file of its own, and issues tokens with it after a restart, too", async () => {
    expect(statSync(join(scene.place, "authority.key")).mode & 0o777).toBe(0o600);
    const jwks = await (await fetch(new URL("jwks", scene.authorityUrl))).json();
    const again = scene.start(["authority", "--key", "authority.key", "--enrol", "alice=alice.secret", "--port", "0", "--json"]);
    const [, url = ""] = await again.expect(/"url":"([^"]+)"/);
    expect(await (await fetch(new URL("jwks", url))).json()).toEqual(jwks);
    const { code, stdout, stderr } = await again.stop("SIGINT");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(documents(stdout)).toMatchObject([{ type: "listening", issuer: new URL(url).origin }]);
  });

  it("TM-246 tells who got a token, and who did not and why, and no secret", async () => {
    await scene.run(["keygen", "--secret", "--out", "wrong.secret"]);
    const wrong = await scene.run(["ping", "--id", "alice", "--secret-file", "wrong.secret", "bob"], { env: { TIGHTBEAM_DEBUG: "1" } });
    expect(wrong.code).toBe(5);
    expect(wrong.stderr).toContain("The authority refused the credential: its log says why.");
    await scene.authority.expect(/"type":"refused"[^\n]*"error":"invalid_grant"/);
    await scene.run(["ping", "--profile", "carol", "nobody", "--timeout", "300ms"]);
    await scene.authority.expect(/"type":"issued"[^\n]*"id":"carol"/);
    const said = scene.authority.stdout() + scene.authority.stderr() + wrong.stdout + wrong.stderr;
    for (const file of ["wrong.secret", "carol.secret"]) expect(said).not.toContain(readFileSync(join(scene.place, file), "utf8").trim());
    expect(said).not.toMatch(/eyJ/);
  });

  it("takes credentials out of a file", async () => {
    const withCredentials = (text: string, name: string) => {
      writeFileSync(join(scene.place, name), text, { mode: 0o600 });
      return ["authority", "--key", "authority.key", "--credentials", name, "--port", "0"];
    };
    const refused: [text: string, message: string][] = [
      ["{", "are not JSON"],
      ["{}", "are no list"],
      ['[{"type":"password"}]', "entry 1 of credentials-3.json has a type that is not known."],
      ['[{"type":"secret","secret":"hunter2"}]', 'has "secret", which a credential of type secret does not have'],
      ['[{"type":"secret"}]', 'has no "secretFile"'],
      ['[{"type":"oidc","issuer":"https://sso.example","prefixes":["a b"]}]', "A prefix is a realm with its slash"],
    ];
    const ended = await Promise.all(refused.map(([text], index) => scene.run(withCredentials(text, `credentials-${index + 1}.json`))));
    for (const [index, { code, stderr }] of ended.entries()) {
      const [text, message] = refused[index] as [string, string];
      expect(code, text).toBe(2);
      expect(stderr).toContain(message);
      expect(stderr).not.toContain("hunter2");
    }
    const credentials = [
      { type: "secret", secretFile: "bob.secret", prefixes: ["bob"], permissions: ["call:*"] },
      { type: "oidc", issuer: "https://sso.example", prefixes: ["acme/"], agentId: "azp", permissionsClaim: "roles", audience: "tightbeam" },
    ];
    const running = scene.start(withCredentials(JSON.stringify(credentials), "credentials.json"));
    await running.expect(/authority listening on http:\/\/127\.0\.0\.1:\d+\/token/);
    expect((await running.stop()).code).toBe(0);
  });

  it("says what is missing", async () => {
    const [nobody, host, secret, taken] = await Promise.all([
      scene.run(["authority", "--key", "authority.key"]),
      scene.run(["authority", "--key", "authority.key", "--enrol", "bob=bob.secret", "--host", "0.0.0.0"]),
      scene.run(["authority", "--key", "authority.key", "--enrol", "bob=tightbeam.json"]),
      scene.run(["authority", "--key", "authority.key", "--enrol", "bob=bob.secret", "--port", new URL(scene.authorityUrl).port]),
    ]);
    expect([nobody.code, host.code, secret.code, taken.code]).toEqual([2, 2, 2, 3]);
    expect(nobody.stderr).toContain("Nobody could get a token.");
    expect(host.stderr).toContain("Give --url https://…/token");
    expect(secret.stderr).toMatch(/Others may read the enrolment secret in tightbeam\.json|is not base64url/);
    expect(taken.stderr).toContain("(EADDRINUSE)");
  });
});

describe("tightbeam relay", () => {
  it("carries frames, is monitored where that is asked for, and ends in order", async () => {
    const relay = scene.start(["relay", "--authority", scene.authorityUrl, "--port", "0", "--limit", "sockets=5", "--monitoring-port", "0"]);
    const [, url = ""] = await relay.expect(/relay listening on (\S+)/);
    const [, monitoring = ""] = await relay.expect(/monitoring on (\S+)/);
    expect((await fetch(new URL("/health", monitoring))).status).toBe(200);
    const taken = await scene.run(["relay", "--authority", scene.authorityUrl, "--port", new URL(url).port]);
    expect(taken).toMatchObject({ code: 3, stderr: expect.stringContaining("Give another --port") });
    const { code } = await scene.run(["ping", "--profile", "bob", "nobody", "--timeout", "300ms", "--url", url]);
    expect(code).toBe(6);
    const ended = await relay.stop("SIGINT");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("relay ended: 1 logins on ");
  });

  it("refuses agents of other issuers, who are told so", async () => {
    writeFileSync(join(scene.place, "jwks.json"), JSON.stringify(await (await fetch(new URL("jwks", scene.authorityUrl))).json()));
    const relay = scene.start(["relay", "--port", "0", "--jwks", "jwks.json", "--issuer", "https://other.example"]);
    const [, url = ""] = await relay.expect(/relay listening on (\S+)/);
    const { code, stderr } = await scene.run(["ping", "--profile", "bob", "nobody", "--timeout", "1s", "--url", url]);
    expect(code).toBe(5);
    expect(stderr).toContain("the relay does not trust this token's issuer");
    expect((await relay.stop()).code).toBe(0);
  });

  const wrong: [title: string, args: string[], code: number, message: RegExp][] = [
    ["whose tokens count", ["--profile", "none.json"], 2, /Whose tokens count here\?[\s\S]*--shared-secret-file/],
    ["an open host without an origin", ["--host", "0.0.0.0"], 2, /needs `origins`/],
    ["a limit that is none", ["--limit", "sokets=1"], 2, /'sokets' is no limit of a relay; the limits are .*sockets/],
    ["a limit without a number", ["--limit", "sockets"], 2, /--limit looks like name=number/],
    ["monitoring without a place", ["--monitoring-host", "127.0.0.1"], 2, /Give --monitoring-port/],
    ["a port that is none", ["--port", "70000"], 2, /whole number from 0 to 65535/],
    ["a file of keys without an issuer", ["--profile", "none.json", "--jwks", "jwks.json"], 2, /Give --issuer/],
  ];
  it("says what is wrong with its options", async () => {
    writeFileSync(join(scene.place, "none.json"), "{}");
    const ended = await Promise.all(wrong.map(([, args]) => scene.run(["relay", "--port", "0", ...args])));
    for (const [index, [title, , code, message]] of wrong.entries()) {
      expect(ended[index]?.stderr, title).toMatch(message);
      expect(ended[index]?.code, title).toBe(code);
    }
  });
});

describe("tightbeam tap", () => {
  it("TM-90 TM-246 shows what a wire to the relay shows: no payload, no method, no token", async () => {
    const relay = scene.start(["relay", "--authority", scene.authorityUrl, "--port", "0"]);
    const [, first = ""] = await relay.expect(/relay listening on (\S+)/);
    await relay.stop();
    const { port } = new URL(first);
    const wire = scene.start(["tap", `ws://127.0.0.1:${port}`, "--port", "0", "--all", "--json"]);
    const [, dial = ""] = await wire.expect(/"url":"([^"]+)"/);
    const known = scene.start([
      "relay",
      "--authority",
      scene.authorityUrl,
      "--port",
      port,
      "--origin",
      new URL(dial).origin,
      "--origin",
      `ws://127.0.0.1:${port}`,
    ]);
    await known.expect(/relay listening/);
    await scene.listening(["echo-by-name", "--profile", "alice", "--url", first]);
    const { code } = await scene.run(["request", "--profile", "bob", "alice", "echo-by-name", '{"text":"payload-of-bob"}', "--url", dial]);
    expect(code).toBe(0);
    const { stdout, code: ended } = await wire.stop("SIGINT");
    expect(ended).toBe(0);
    const all = documents(stdout);
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(["CHALLENGE", "LOGIN", "WELCOME", "SUB"]));
    const frames = all.filter(({ type }) => type === "frame");
    expect(frames.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["hs1", "hs2", "hs3", "data"]));
    expect(frames.find(({ kind }) => kind === "hs1")).toMatchObject({
      from: "bob",
      to: "agent/alice",
      suites: ["hybrid"],
      replyTo: expect.stringMatching(/^inbox\/bob\//),
    });
    expect(frames.find(({ kind }) => kind === "hs2")).toMatchObject({ to: expect.stringMatching(/^inbox\/bob\//) });
    for (const secret of ["payload-of-bob", "echo-by-name", "eyJ"]) {
      expect(stdout).not.toContain(secret);
      expect(stdout).not.toContain(Buffer.from(secret).toString("hex"));
    }
    expect(all.at(-1)).toMatchObject({ type: "summary", frames: frames.length });
    await known.stop();
  });

  it("says why a relay does not answer through it", async () => {
    const wire = scene.start(["tap", scene.relayUrl, "--port", "0"]);
    const [, dial = ""] = await wire.expect(/tap listening on (\S+),/);
    expect((await scene.run(["ping", "--profile", "bob", "alice", "--url", dial])).code).not.toBe(0);
    await wire.expect(/403[^\n]*start the relay with --origin/, "stderr");
    expect((await wire.stop()).code).toBe(0);
  });

  it("says what it cannot listen to", async () => {
    const [tls, nothing, memory] = await Promise.all([
      scene.run(["tap", "wss://relay.example"]),
      scene.run(["tap", "--profile", "none.json"]),
      scene.run(["tap", "memory:"]),
    ]);
    expect([tls.code, nothing.code, memory.code]).toEqual([2, 2, 2]);
    expect(tls.stderr).toContain("Inside TLS a wire shows nothing but TLS.");
    expect(nothing.stderr).toContain("Which network?");
  });
});
