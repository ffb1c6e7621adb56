import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { freeReads } from "../../src/wire/reads.js";
import { until } from "../fixture.js";

let server: WebSocketServer;
let client: WebSocket;
let far: WebSocket;
let reads: Uint8Array[];
let messages: Buffer[];

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, perMessageDeflate: false });
  await new Promise((resolve) => server.once("listening", resolve));
  reads = [];
  messages = [];
  const connected = new Promise<WebSocket>((resolve) => server.once("connection", resolve));
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { perMessageDeflate: false });
  await new Promise((resolve) => client.once("open", resolve));
  far = await connected;
  const lend = freeReads(client);
  (client as unknown as { _socket: Socket })._socket.on("data", (read: Uint8Array) => reads.push(read));
  client.on("message", (data: Buffer) => {
    lend(data);
    messages.push(data);
  });
});
afterEach(() => {
  client.terminate();
  server.close();
});

const message = (size: number, value: number) => Buffer.alloc(size, value);

describe("freeReads", () => {
  it("frees what was read once large messages were put together from it, and every message keeps its bytes", async () => {
    const sent = Array.from({ length: 20 }, (_, i) => message(200_000, i + 1));
    for (const one of sent) far.send(one);
    await until(() => messages.length === sent.length, "all messages");
    expect(messages.every((one, i) => one.equals(sent[i] as Buffer))).toBe(true);
    const whole = reads.filter((read) => read.length > 0).length;
    // The last read, and those too short to matter, may be left.
    expect(whole).toBeLessThan(reads.length / 2);
  });

  it("keeps a read of which a view went out as a message, a ping or a pong", async () => {
    const pings: Buffer[] = [];
    client.on("ping", (data: Buffer) => pings.push(data));
    client.on("pong", (data: Buffer) => pings.push(data));
    const sent: Buffer[] = [];
    for (let i = 0; i < 60; i++) {
      const one = message([10, 3_000, 17_000, 70_000][i % 4] as number, i + 1);
      sent.push(one);
      far.send(one);
      if (i % 3 === 0) far.ping(`ping ${i}`);
      if (i % 5 === 0) far.pong(`pong ${i}`);
    }
    await until(() => messages.length === sent.length && pings.length === 32, "all messages");
    expect(messages.every((one, i) => one.equals(sent[i] as Buffer))).toBe(true);
    expect(pings.every((data) => /^p[io]ng \d+$/.test(data.toString()))).toBe(true);
  });

  it("frees nothing where ws keeps its reads elsewhere", async () => {
    (client as unknown as { _receiver: { _buffers: unknown } })._receiver = new Proxy((client as unknown as { _receiver: object })._receiver, {
      get: (receiver, name) =>
        name === "_buffers" ? undefined : (Reflect.get(receiver, name, receiver).bind?.(receiver) ?? Reflect.get(receiver, name, receiver)),
    }) as { _buffers: unknown };
    far.send(message(200_000, 1));
    await until(() => messages.length === 1, "the message");
    expect(reads.every((read) => read.length > 0)).toBe(true);
  });
});
