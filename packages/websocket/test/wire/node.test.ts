import type { AddressInfo, Socket } from "node:net";
import { systemRuntime } from "@tightbeam/core/runtime";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { openSocket } from "../../src/wire/node.js";

async function accepted(events: { message?: (bytes: Uint8Array) => void } = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "test" });
  await new Promise((resolve) => server.once("listening", resolve));
  const peer = new Promise<{ ws: WebSocket; tcp: Socket }>((resolve) => {
    server.once("connection", (ws, request) => resolve({ ws, tcp: request.socket }));
  });
  const wire = await openSocket(
    {
      url: new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`),
      subprotocols: ["test"],
      maxMessageBytes: 1 << 20,
      timeoutMs: 10_000,
      timers: systemRuntime().timers,
      tls: undefined,
    },
    { message: events.message ?? (() => undefined), text: () => undefined, ended: () => undefined },
  );
  const close = () => {
    wire.destroy();
    for (const ws of server.clients) ws.terminate();
    server.close();
  };
  return { wire, ...(await peer), close };
}

describe("the WebSocket's own pings", () => {
  it("are answered with what they carried", async () => {
    const { ws, close } = await accepted();
    const pong = new Promise<Buffer>((resolve) => ws.once("pong", resolve));
    ws.ping("are you there");
    expect(String(await pong)).toBe("are you there");
    close();
  });

  it("fill no memory when whoever asks does not read, and the last one is answered when it reads again", async () => {
    let told = () => {};
    const end = new Promise<void>((resolve) => {
      told = resolve;
    });
    const { wire, ws, tcp, close } = await accepted({ message: () => told() });
    ws.pause();
    tcp.pause();
    // More than the system holds of a connection between them.
    const payload = Buffer.alloc(125);
    for (let i = 0; i < 200_000; i++) {
      payload.writeUInt32BE(i);
      ws.ping(Buffer.from(payload));
      if (i % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    ws.send(payload);
    await end;
    expect(wire.buffered).toBeLessThan(1_000);
    const last = new Promise<void>((resolve) => ws.on("pong", (data) => data.readUInt32BE() === 199_999 && resolve()));
    tcp.resume();
    ws.resume();
    await last;
    expect(ws.readyState).toBe(WebSocket.OPEN);
    close();
  });
});

describe("large messages", () => {
  it.each([16 * 1024, 135_000, 256 * 1024])("come alone in their buffers, so that whoever opens them can free it: %i bytes", async (length) => {
    const came: Uint8Array[] = [];
    let all = () => {};
    const end = new Promise<void>((resolve) => {
      all = resolve;
    });
    const { ws, close } = await accepted({
      message(bytes) {
        came.push(bytes);
        if (came.length === 3) all();
      },
    });
    for (const fill of [1, 2, 3]) ws.send(Buffer.alloc(length, fill));
    await end;
    for (const [index, bytes] of came.entries()) {
      expect(Buffer.compare(bytes, Buffer.alloc(length, index + 1))).toBe(0);
      expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, length]);
    }
    close();
  });

  it("of several sockets at once are not mixed up, although all are read into one place", async () => {
    const sizes = [40_000, 70_000, 135_000, 200_000];
    const sums = await Promise.all(
      sizes.map(async (size, index) => {
        let sum = 0;
        let count = 0;
        let all = () => {};
        const end = new Promise<void>((resolve) => {
          all = resolve;
        });
        const { ws, close } = await accepted({
          message(bytes) {
            sum += Buffer.compare(bytes, Buffer.alloc(size, index + 1)) === 0 ? 1 : 0;
            if (++count === 40) all();
          },
        });
        for (let sent = 0; sent < 40; sent++) ws.send(Buffer.alloc(size, index + 1));
        await end;
        close();
        return sum;
      }),
    );
    expect(sums).toEqual([40, 40, 40, 40]);
  });
});
