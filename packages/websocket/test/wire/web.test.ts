import { testTransport } from "@tightbeam/conformance";
import { createAuthority } from "@tightbeam/core/identity";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connectWebSocket, type WebSocketConstructor } from "../../src/index.js";
import { createFixture, createMortalRelay, errorOf } from "../fixture.js";

/** `ws` has the WHATWG interface too: what browsers, Bun and Deno run, on Node. */
const webSocket = class extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols);
    // What a browser does for itself.
    this.on("error", () => {});
  }
} as unknown as WebSocketConstructor;

testTransport({
  name: "websocket of the platform",
  async create() {
    const authority = await createAuthority();
    const mortal = await createMortalRelay(authority, { policy: () => true });
    return {
      connect: async (id) => connectWebSocket(mortal.url, { identity: await authority.enroll(id), webSocket, reconnect: { minMs: 10, maxMs: 50 } }),
      cut: () => mortal.kill(),
      restore: () => mortal.start(),
      close: () => mortal.kill(),
    };
  },
});

describe("a platform's WebSocket", () => {
  it("tells no more than that it failed, but typed; a relay's reason comes through", async () => {
    const fixture = await createFixture();
    const identity = await fixture.enroll("alice");
    expect(await errorOf(connectWebSocket("ws://127.0.0.1:1/", { identity, webSocket }))).toMatchObject({ code: "unavailable" });
    expect(await errorOf(connectWebSocket("ws://127.0.0.1:1/", { identity, webSocket, tls: { ca: "x" } }))).toMatchObject({ code: "invalid_argument" });
    const relay = await fixture.relay();
    const peerToken = await identity.token();
    const wrong = { id: "alice", key: identity.key, token: async () => peerToken };
    const error = await errorOf(connectWebSocket(relay.url, { identity: wrong, webSocket }));
    expect(error).toMatchObject({ code: "denied", message: expect.stringContaining("invalid_token") });
    await fixture.close();
  });
});
