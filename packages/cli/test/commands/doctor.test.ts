import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { createAgent } from "@tightbeam/core";
import { createAuthority, exportKey, generateKey, generateSecret, identityFromSecret, trust } from "@tightbeam/core/identity";
import { systemRuntime } from "@tightbeam/core/runtime";
import { createRelay, type Relay } from "@tightbeam/websocket/relay";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate } from "../../../../bench/certificate.js";
import { networkSteps } from "../../src/doctor/network.js";
import { serverStep } from "../../src/doctor/server.js";
import { lookAt } from "../../src/doctor/step.js";
import { createTerminal, type Terminal } from "../process.js";

let terminal: Terminal;
let relay: Relay;
const secret = generateSecret();
const everyone = trust.everyoneWithSecret(secret);
const servers: Server[] = [];

beforeAll(async () => {
  terminal = await createTerminal();
  writeFileSync(join(terminal.place, "team.secret"), `${Buffer.from(secret).toString("base64url")}\n`, { mode: 0o600 });
  writeFileSync(join(terminal.place, "other.secret"), `${Buffer.from(generateSecret()).toString("base64url")}\n`, { mode: 0o600 });
  relay = await createRelay({ port: 0, trust: everyone });
  const identity = await identityFromSecret({ id: "alice", secret });
  await createAgent({ identity, trust: everyone, transport: await relay.connect({ identity }) });
});
afterAll(async () => {
  terminal.close();
  await relay.close();
  for (const server of servers) server.close();
});

interface Line {
  readonly step: string;
  readonly status: string;
  readonly found: string;
  readonly advice?: string;
}

/** A secret that is not there leaves out what comes after the server: a login would be tried for seconds. */
const placeOnly = (...args: string[]) => doctor("--shared-secret-file", "missing.secret", ...args);

async function doctor(...args: string[]): Promise<{ code: number | null; lines: Line[]; of: (step: string) => Line | undefined }> {
  const { code, stdout } = await terminal.run(["doctor", "--id", "bob", "--shared-secret-file", "team.secret", "--json", ...args]);
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  return { code, lines, of: (step) => lines.find((line) => line.step === step) };
}

async function listening(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

describe("tightbeam doctor", () => {
  it("goes the whole way to a peer, and finds nothing wrong", async () => {
    const { code, lines } = await doctor("alice", "--url", relay.url);
    expect(lines.map(({ step, status }) => [step, status])).toEqual([
      ["runtime", "ok"],
      ["profile", "warning"],
      ["URL", "ok"],
      ["connection", "ok"],
      ["relay", "ok"],
      ["clock", "ok"],
      ["identity", "ok"],
      ["trust", "ok"],
      ["token", "ok"],
      ["login", "ok"],
      ["permissions", "ok"],
      ["peer", "ok"],
    ]);
    expect(code).toBe(0);
    const human = await terminal.run(["doctor", "--id", "bob", "--shared-secret-file", "team.secret", "--url", relay.url]);
    expect(human.stdout).toMatch(/✓ login {7}joined as bob, instance/);
    expect(human.stderr).toBe("Nothing is wrong.\n");
    expect(human.stdout).not.toContain(Buffer.from(secret).toString("base64url"));
  });

  it("says that nobody listens, and that a scheme is the wrong one", async () => {
    const gone = createServer();
    const port = await listening(gone);
    await new Promise((resolve) => gone.close(resolve));
    const [nobody, tls, http, none] = await Promise.all([
      placeOnly("--url", `ws://127.0.0.1:${port}`),
      placeOnly("--url", relay.url.replace("ws:", "wss:")),
      doctor("--url", "http://127.0.0.1"),
      doctor(),
    ]);
    expect(nobody.code).toBe(1);
    expect(nobody.of("connection")).toMatchObject({ status: "failed", found: `127.0.0.1:${port}: ECONNREFUSED` });
    expect(nobody.of("connection")?.advice).toContain("Nobody listens there");
    expect(nobody.of("login")?.advice ?? "").not.toContain("doctor");
    expect(tls.of("TLS")?.advice).toContain("It does not speak TLS there");
    expect(http.of("URL")).toMatchObject({ status: "failed", found: "not one this program speaks" });
    expect(none.of("URL")).toMatchObject({ status: "failed", found: "none" });
  });

  it("says that the relay does not trust us, and leaves out what needs it", async () => {
    const { code, of } = await doctor("alice", "--url", relay.url, "--shared-secret-file", "other.secret");
    expect(code).toBe(1);
    expect(of("token")?.status).toBe("ok");
    expect(of("login")?.status).toBe("failed");
    expect(of("peer")).toMatchObject({ status: "skipped", found: "it needs the login" });
  });

  it("says that a peer is not there, or is oneself", async () => {
    const [nobody, oneself] = await Promise.all([doctor("nobody", "--url", relay.url), doctor("bob", "--url", relay.url)]);
    expect(nobody.code).toBe(1);
    expect(nobody.of("peer")?.advice).toContain("No agent of this id is there");
    expect(oneself.of("peer")?.found).toBe("bob is this agent itself");
  });

  it("notices a clock that is off, and tells a NATS server from what is none", async () => {
    const early = await listening(createHttpServer((_, response) => response.writeHead(200, { date: new Date(Date.now() - 300_000).toUTCString() }).end()));
    const nats = await listening(
      createServer((socket) => socket.on("error", () => undefined).end('INFO {"version":"2.9.10","max_payload":1048576,"jetstream":true}\r\n')),
    );
    const mail = await listening(createServer((socket) => socket.on("error", () => undefined).end("220 mail.example ESMTP\r\n")));
    const places = [`ws://127.0.0.1:${early}`, `nats://127.0.0.1:${nats}`, `nats://127.0.0.1:${mail}`];
    const [clock, broker, other] = await Promise.all(places.map((url) => placeOnly("--url", url)));
    expect(clock?.of("clock")).toMatchObject({ status: "failed" });
    const [, ahead] = /^(\d+) s ahead of the server's$/.exec(clock?.of("clock")?.found ?? "") ?? [];
    expect(Math.abs(Number(ahead) - 300)).toBeLessThan(30);
    expect(broker?.of("broker")).toMatchObject({ status: "ok", found: "nats-server 2.9.10, max_payload 1048576, JetStream" });
    expect(other?.of("broker")).toMatchObject({ status: "failed" });
  });

  const trusted = "trusted";
  const certificates = [
    ["is good for long", { until: 400 }, trusted, "127.0.0.1", "ok", /certificate good for 399 days/, undefined],
    ["ends soon", { until: 3 }, trusted, "127.0.0.1", "warning", /good for 2 days/, /Renew it/],
    ["has ended", { from: -9, until: -1 }, trusted, "127.0.0.1", "failed", /CERT_HAS_EXPIRED/, /too old: renew it/],
    ["is of tomorrow", { from: 1, until: 9 }, trusted, "127.0.0.1", "failed", /CERT_NOT_YET_VALID/, /clock here is wrong/],
    ["signs itself", {}, undefined, "127.0.0.1", "failed", /DEPTH_ZERO_SELF_SIGNED_CERT/, /--ca <file>/],
    ["is for another name", {}, trusted, "localhost", "failed", /ERR_TLS_CERT_ALTNAME_INVALID/, /another name/],
  ] as const;
  it.each(certificates)("says of a certificate that %s what is to be done", async (_, valid, by, host, status, found, advice) => {
    const { key, certificate } = makeCertificate(valid);
    const port = await listening(createTlsServer({ key, cert: certificate }, (socket) => socket.on("error", () => undefined)));
    const steps = networkSteps({ scheme: "wss", host, port, ca: by === undefined ? undefined : certificate }, systemRuntime().clock);
    const tls = steps.find(({ name }) => name === "TLS") as (typeof steps)[number];
    const finding = await lookAt(tls, systemRuntime(), AbortSignal.timeout(20_000));
    expect(finding).toMatchObject({ status, found: expect.stringMatching(found) });
    if (advice === undefined) expect(finding.advice).toBeUndefined();
    else expect(finding.advice).toMatch(advice);
  });

  it("looks at the certificate of a NATS server, which speaks before TLS begins, or waits for it", async () => {
    const { key, certificate } = makeCertificate({ until: 400 });
    const secured = (socket: Socket): void => void new TLSSocket(socket, { isServer: true, key, cert: certificate }).on("error", () => undefined);
    const look = async (server: Server, ca?: string) => {
      const steps = networkSteps({ scheme: "tls", host: "127.0.0.1", port: await listening(server), ca }, systemRuntime().clock);
      return lookAt(steps.find(({ name }) => name === "TLS") as (typeof steps)[number], systemRuntime(), AbortSignal.timeout(20_000));
    };
    const speaks = (): Server => createServer((socket) => void socket.write('INFO {"tls_required":true}\r\n', () => secured(socket)));
    const [known, unknown, waits, none] = await Promise.all([
      look(speaks(), certificate),
      look(speaks()),
      look(createServer(secured), certificate),
      look(
        createServer((socket) => void socket.on("error", () => undefined).end("INFO {}\r\nthis is no TLS\r\n")),
        certificate,
      ),
    ]);
    expect([known, waits]).toMatchObject([{ status: "ok" }, { status: "ok" }]);
    expect(unknown).toMatchObject({ status: "failed", advice: expect.stringContaining("--ca <file>") });
    expect(none.status).toBe("failed");
  });

  it("looks at the token itself: one of another issuer's, one that ends soon, and one that may not meet others", async () => {
    const issuer = "https://agents.example";
    const key = await generateKey({ extractable: true });
    const authority = await createAuthority({ issuer, key });
    const strict = await createRelay({ port: 0, trust: authority.trust() });
    const write = (name: string, text: string): void => writeFileSync(join(terminal.place, name), text, { mode: 0o600 });
    const own = await generateKey({ extractable: true });
    write("bob.key", JSON.stringify(await exportKey(own)));
    write("jwks.json", JSON.stringify(authority.jwks()));
    write("others.json", JSON.stringify((await createAuthority({ issuer })).jwks()));
    const tokens = async (lifetime: number): Promise<string> => {
      const who = { id: "bob", publicKey: own.publicJwk, permissions: ["call:find"], lifetime };
      return `${await authority.issue(who)}\n${await authority.issue({ ...who, permissions: [], audience: new URL(strict.url).origin })}\n`;
    };
    write("bob.token", await tokens(3_600_000));
    write("short.token", await tokens(30_000));
    const look = async (token: string, jwks: string): Promise<(step: string) => Line | undefined> => {
      const args = ["--id", "bob", "--url", strict.url, "--token-file", token, "--key", "bob.key", "--jwks", jwks, "--issuer", issuer];
      const { stdout } = await terminal.run(["doctor", ...args, "--json"]);
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Line);
      return (step) => lines.find((line) => line.step === step);
    };
    const [good, short, other] = await Promise.all([look("bob.token", "jwks.json"), look("short.token", "jwks.json"), look("bob.token", "others.json")]);
    await strict.close();
    expect(good("token")).toMatchObject({ status: "ok", found: expect.stringContaining("permissions: call:find") });
    expect(good("login")?.status).toBe("ok");
    expect(good("permissions")).toMatchObject({ status: "warning", found: expect.stringContaining("the token needs `transport:presence:<realm>`") });
    expect(good("permissions")?.advice).toContain("docs/presence.md");
    expect(short("token")).toMatchObject({ status: "warning", advice: expect.stringContaining("tightbeam token issue") });
    expect(other("token")).toMatchObject({ status: "failed" });
  });

  it("is not led on by what answers in place of a relay or a NATS server", async () => {
    const broker = async (says: string) => {
      const silent = await listening(createServer((socket) => socket.on("error", () => undefined).end(says)));
      return serverStep({ scheme: "nats", host: "127.0.0.1", port: silent, ca: undefined }).look(AbortSignal.timeout(10_000));
    };
    expect(await broker("")).toMatchObject({ status: "failed", found: "it says nothing, and a NATS server speaks first" });
    expect(await broker("INFO \u001b[2J\r\n")).toMatchObject({ status: "failed", found: "what it says of itself is no JSON, as a NATS server's is" });
    const endless = await listening(
      createHttpServer((_, response) => {
        const go = () => {
          while (!response.destroyed && response.write("x".repeat(10_000)));
          response.once("drain", go);
        };
        go();
      }),
    );
    const asked = await serverStep({ scheme: "ws", host: "127.0.0.1", port: endless, ca: undefined }).look(AbortSignal.timeout(10_000));
    expect(asked).toMatchObject({ status: "warning", found: "something answers 200, and does not say that it is a relay" });
  });
});
