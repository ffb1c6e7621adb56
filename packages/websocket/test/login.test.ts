import { createAuthority, signProof } from "@tightbeam/core/identity";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectWebSocket } from "../src/index.js";
import { loginPayload } from "../src/login.js";
import { frameType } from "../src/protocol.js";
import type { Relay } from "../src/relay/index.js";
import { createFixture, errorOf, type Fixture } from "./fixture.js";
import { instanceOf, logIn, loginBody, open, type RawClient } from "./raw.js";

let fixture: Fixture;
let relay: Relay;
let origin: string;

beforeEach(async () => {
  fixture = await createFixture();
  relay = await fixture.relay();
  origin = new URL(relay.url).origin;
});
afterEach(() => fixture.close());

const a = instanceOf("a");
/** Sends the body and says how the relay answered. */
async function answer(client: RawClient, body: Uint8Array): Promise<string> {
  client.send(frameType.login, 0, "", body);
  return Promise.race([client.closed, client.next(frameType.welcome).then(() => "welcome")]);
}

describe("TM-80 a login", () => {
  it("lets in who holds the token's key", async () => {
    const alice = await fixture.enroll("alice");
    const client = await open(relay.url);
    expect(await answer(client, await loginBody(client, alice, a, origin))).toBe("welcome");
    expect(relay.stats()).toMatchObject({ sockets: 1, logins: 1, unauthenticated: 0 });
    client.socket.close();
  });

  it("works with an ES256 key too", async () => {
    const client = await logIn(relay.url, await fixture.enroll("p256", { alg: "ES256" }), a);
    client.socket.close();
  });

  it("refuses a token for another audience, or for peers", async () => {
    const alice = await fixture.enroll("alice");
    for (const token of [await alice.token(), await alice.token("wss://other.example")]) {
      const client = await open(relay.url);
      expect(await answer(client, await loginBody(client, alice, a, origin, { token }))).toBe("invalid_token");
    }
  });

  it("refuses a stolen token beside another key", async () => {
    const [alice, mallory] = [await fixture.enroll("alice"), await fixture.enroll("mallory")];
    const client = await open(relay.url);
    expect(await answer(client, await loginBody(client, mallory, a, origin, { token: await alice.token(origin) }))).toBe("wrong_proof");
  });

  it("refuses a login recorded on another socket", async () => {
    const alice = await fixture.enroll("alice");
    const first = await open(relay.url);
    const recorded = await loginBody(first, alice, a, origin);
    expect(await answer(first, recorded)).toBe("welcome");
    const second = await open(relay.url);
    expect(await answer(second, recorded)).toBe("wrong_proof");
    first.socket.close();
  });

  it("refuses an origin that is not the relay's, also one made for another relay and passed on", async () => {
    const alice = await fixture.enroll("alice");
    const client = await open(relay.url);
    expect(await answer(client, await loginBody(client, alice, a, "ws://evil.example"))).toBe("wrong_origin");
    const other = await open(relay.url);
    const forEvil = await loginBody(other, alice, a, "ws://evil.example", { origin, token: await alice.token(origin) });
    expect(await answer(other, forEvil)).toBe("wrong_proof");
  });

  it("refuses a proof of another type over the same bytes", async () => {
    const alice = await fixture.enroll("alice");
    const client = await open(relay.url);
    const token = await alice.token(origin);
    const proof = await signProof(alice.key, "tightbeam-pop+jws", await loginPayload(origin, client.nonce, new Uint8Array(32).fill(9), token));
    expect(await answer(client, await loginBody(client, alice, a, origin, { token, proof }))).toBe("wrong_proof");
  });

  it("refuses a revoked agent", async () => {
    const alice = await fixture.enroll("alice");
    await alice.token(origin);
    fixture.authority.revoke({ id: "alice" });
    const client = await open(relay.url);
    expect(await answer(client, await loginBody(client, alice, a, origin))).toBe("revoked_token");
  });

  it("refuses an issuer it does not trust", async () => {
    const stranger = await createAuthority({ issuer: "https://stranger.test" });
    const client = await open(relay.url);
    const reason = await answer(client, await loginBody(client, await stranger.enroll("alice"), a, origin));
    expect(["unknown_issuer", "invalid_token"]).toContain(reason);
  });

  it("refuses a second login, a frame before it, text, and what cannot be read", async () => {
    const alice = await fixture.enroll("alice");
    const twice = await open(relay.url);
    const body = await loginBody(twice, alice, a, origin);
    twice.send(frameType.login, 0, "", body);
    twice.send(frameType.login, 0, "", body);
    expect(await twice.closed).toBe("unexpected");
    const early = await open(relay.url);
    early.send(frameType.send, 0, "agent/bob");
    expect(await early.closed).toBe("unexpected");
    const words = await open(relay.url);
    words.socket.send("login please");
    expect(await words.closed).toBe("frame_kind");
    const junk = await open(relay.url);
    junk.socket.send(new Uint8Array([2, 0]));
    expect(await junk.closed).toBe("malformed");
    expect(relay.stats()).toMatchObject({ sockets: 0, unauthenticated: 0, ended: { frame_kind: 1, malformed: 1 } });
  });

  it("may be no larger than a login before it", async () => {
    const client = await open(relay.url);
    client.socket.send(new Uint8Array(64 * 1024));
    expect(await client.closed).toBe("1009");
  });

  it("must come in time", async () => {
    const hasty = await fixture.relay({ limits: { loginMs: 150 } });
    const client = await open(hasty.url);
    expect(await client.closed).toBe("login_timeout");
  });

  it("tells the application why: connectWebSocket rejects with `denied` and the relay's reason, and no token in it", async () => {
    const alice = await fixture.enroll("alice");
    const peerToken = await alice.token();
    const identity = { id: "alice", key: alice.key, token: async () => peerToken };
    const error = await errorOf(connectWebSocket(relay.url, { identity }));
    expect(error).toMatchObject({ code: "denied", message: expect.stringContaining("invalid_token") });
    expect(`${error.message} ${String(error.cause)}`).not.toContain(peerToken);
  });
});
