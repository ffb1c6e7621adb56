import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectNew, nkeys } from "@nats-io/transport-node";
import { connect as connectOld } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectNats } from "../src/index.js";
import { withNatsServer } from "./broker.js";
import { type Certificates, createCertificates } from "./certificates.js";
import { broker, closeLater, codeOf, connect, errorOf, mustWork, until } from "./fixture.js";
import { createOperator } from "./jwt.js";

const seedOf = (pair: ReturnType<typeof nkeys.createUser>): string => new TextDecoder().decode(pair.getSeed());

withNatsServer("nats: logging in", () => {
  describe("logging in", () => {
    it("with user and password", async () => {
      const server = await broker('authorization: { user: "alice", password: "s3cret word" }');
      await mustWork(await connect(server, { user: "alice", password: "s3cret word" }));
      const error = await errorOf(connect(server, { user: "alice", password: "Wr0ng" }));
      expect(error.code).toBe("denied");
      expect(error.message).toContain(server.host);
      expect(`${error.message}${String(error.cause)}`).not.toContain("Wr0ng");
      expect(await codeOf(connect(server))).toBe("denied");
    });

    it("with a token", async () => {
      const server = await broker('authorization: { token: "t0ken" }');
      await mustWork(await connect(server, { token: "t0ken" }));
      expect(await codeOf(connect(server, { token: "another" }))).toBe("denied");
    });

    it("with an nkey, as text and as bytes", async () => {
      const [user, stranger] = [nkeys.createUser(), nkeys.createUser()];
      const server = await broker(`authorization: { users: [{ nkey: ${user.getPublicKey()} }] }`);
      await mustWork(await connect(server, { nkey: seedOf(user) }));
      await mustWork(await connect(server, { nkey: user.getSeed() }));
      expect(await codeOf(connect(server, { nkey: seedOf(stranger) }))).toBe("denied");
      const spoilt = `${seedOf(user).slice(0, -4)}AAAA`;
      const error = await errorOf(connect(server, { nkey: spoilt }));
      expect(error.code).toBe("invalid_argument");
      expect(`${error.message}${String(error.cause)}`).not.toContain(spoilt.slice(4, 20));
    });

    it("with a creds file, read again at every connect", async () => {
      const place = mkdtempSync(join(tmpdir(), "tightbeam-creds-"));
      closeLater({ close: () => rmSync(place, { recursive: true, force: true }) });
      const file = join(place, "user.creds");
      const { config, creds, stolen } = createOperator();
      const server = await broker(config);
      writeFileSync(file, creds);
      const transport = await connect(server, { credsFile: file });
      await mustWork(transport);
      writeFileSync(file, stolen);
      expect(await codeOf(connect(server, { credsFile: file }))).toBe("denied");
      await server.kill();
      await server.start();
      expect(await transport.closed).toMatchObject({ code: "denied" });
      writeFileSync(file, "no creds");
      const unreadable = await errorOf(connect(server, { credsFile: file }));
      expect([unreadable.code, unreadable.message]).toEqual(["invalid_argument", expect.stringContaining(file)]);
      expect(await codeOf(connect(server, { credsFile: join(place, "nowhere") }))).toBe("invalid_argument");
    });

    it("once at most: two logins, or a password alone, are a mistake", async () => {
      expect(await codeOf(connectNats({ user: "a", token: "b" }))).toBe("invalid_argument");
      expect(await codeOf(connectNats({ password: "b" }))).toBe("invalid_argument");
    });

    it("ends with denied when the credentials are taken away while it is connected", async () => {
      const user = (name: string): string => `authorization: { users: [{ user: "${name}", password: "p" }] }`;
      const server = await broker(user("alice"));
      const transport = await connect(server, { user: "alice", password: "p" });
      server.reload(user("bob"));
      const cause = await transport.closed;
      expect([cause?.code, cause?.message]).toEqual(["denied", expect.stringContaining(server.host)]);
      expect(transport.state.current).toBe("down");
      const later = await errorOf(transport.send("agent/a" as never, new Uint8Array(1)));
      expect([later.code, (later.cause as { code?: string }).code]).toEqual(["closed", "denied"]);
    });
  });

  describe("TLS", () => {
    let certificates: Certificates;
    beforeAll(() => {
      certificates = createCertificates();
    });
    afterAll(() => certificates.close());
    const tls = (name: string, more = ""): string =>
      `tls: { cert_file: "${certificates.path(`${name}.pem`)}", key_file: "${certificates.path(`${name}.key`)}", timeout: 5, ${more} }`;
    const mutual = (name = "server"): string => tls(name, `ca_file: "${certificates.path("ca.pem")}", verify: true`);

    it("checks the server's certificate against the CA it is given", async () => {
      const server = await broker(tls("server"));
      await mustWork(await connect(server, { tls: { ca: certificates.text("ca.pem") } }));
      await mustWork(await connect(server, { servers: `tls://${server.host}`, tls: { ca: Buffer.from(certificates.text("ca.pem")) } }));
      // One of several addresses: which of them was dialled is not known then.
      await mustWork(await connect(server, { servers: [server.url, `127.0.0.2:${server.port}`], tls: { ca: certificates.text("ca.pem") } }));
      for (const wrong of [{}, { ca: certificates.text("stranger-ca.pem") }]) {
        const error = await errorOf(connect(server, { tls: wrong }));
        expect([error.code, error.message]).toEqual(["failed", expect.stringContaining("tls.ca")]);
      }
      expect(await codeOf(connect(server))).toBe("failed");
    });

    it("checks the host's name, or the one it is given", async () => {
      const server = await broker(tls("elsewhere"));
      const ca = certificates.text("ca.pem");
      expect(await codeOf(connect(server, { tls: { ca } }))).toBe("failed");
      await mustWork(await connect(server, { tls: { ca, servername: "elsewhere.example" } }));
    });

    it("does not take a certificate for localhost for that of an address", async () => {
      const server = await broker(tls("local"));
      const ca = certificates.text("ca.pem");
      expect(await codeOf(connect(server, { tls: { ca } }))).toBe("failed");
      await mustWork(await connect(server, { servers: `tls://localhost:${server.port}`, tls: { ca } }));
    });

    it("is never left out where it was asked for: a server without it is refused", async () => {
      const server = await broker();
      expect(await codeOf(connect(server, { tls: {} }))).toBe("failed");
      expect(await codeOf(connect(server, { servers: `tls://${server.host}` }))).toBe("failed");
      expect(await codeOf(connect(server, { servers: [server.url, `tls://${server.host}`] }))).toBe("failed");
    });

    it("shows a client's certificate, without which a mutual server refuses", async () => {
      const server = await broker(mutual());
      const ca = certificates.text("ca.pem");
      const own = (name: string) => ({ ca, cert: certificates.text(`${name}.pem`), key: certificates.text(`${name}.key`) });
      await mustWork(await connect(server, { tls: own("client") }));
      // The client loses the server's alert and waits: the message says what it may have been.
      for (const wrong of [{ ca }, own("stranger")]) {
        const error = await errorOf(connect(server, { tls: wrong, connectTimeout: 500 }));
        expect([error.code, error.message]).toEqual(["unavailable", expect.stringContaining("client certificate")]);
      }
    });

    it("comes back over TLS", async () => {
      const server = await broker(mutual());
      const options = { tls: { ca: certificates.text("ca.pem"), cert: certificates.text("client.pem"), key: certificates.text("client.key") } };
      const transport = await connect(server, options);
      await server.kill();
      await until(() => transport.state.current === "down", "the loss");
      await server.start();
      await until(() => transport.state.current === "up", "its repair");
      await mustWork(transport);
    });

    it.each([
      ["@nats-io/transport-node", connectNew],
      ["nats 2.29", connectOld],
    ] as const)("works with a connection of %s", async (_, open) => {
      // By name: these clients verify an address as localhost.
      const server = await broker(mutual("local"));
      const connection = await open({
        servers: `localhost:${server.port}`,
        tls: { ca: certificates.text("ca.pem"), certFile: certificates.path("client.pem"), keyFile: certificates.path("client.key") },
      });
      await mustWork(closeLater(await connectNats({ connection, closeConnection: true })));
    });
  });
});
