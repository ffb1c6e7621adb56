import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { encodeFrame, type Frame, frameType, parseFrame, subprotocol } from "../src/protocol.js";

/** One client's connection through the tap. */
export interface Conn {
  /** The agent behind it, once it has subscribed. */
  readonly name: string | undefined;
  readonly up: { readonly messages: number; readonly bytes: number };
  readonly down: { readonly messages: number; readonly bytes: number };
  /** Gives the relay a frame as if this client had sent it. */
  toRelay(message: Uint8Array): void;
  /** Gives the client a frame as if the relay had sent it. */
  toClient(message: Uint8Array): void;
  /** No close frame, no FIN that anyone waits for. */
  cut(): void;
}

export interface Packet {
  readonly conn: Conn;
  /** To the relay, or to the client. */
  readonly way: "up" | "down";
  readonly bytes: Uint8Array;
}

/** What becomes of a packet: nothing, itself, or others. */
export type Meddle = (packet: Packet) => readonly Uint8Array[];
export const pass: Meddle = ({ bytes }) => [bytes];

/** A man in the middle who terminates every WebSocket, in front of a real relay. He may do what the network and the relay may do. */
export interface Tap {
  readonly url: string;
  readonly origin: string;
  readonly conns: ReadonlySet<Conn>;
  meddle: Meddle;
  /** Texts that must never be seen. */
  readonly secrets: Set<string>;
  readonly seen: Set<string>;
  close(): Promise<void>;
}

export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

export async function createTap(relayUrl: () => string): Promise<Tap> {
  const server = createServer();
  const port = await listening(server);
  const sockets = new WebSocketServer({ server, handleProtocols: () => subprotocol, perMessageDeflate: false });
  const conns = new Set<Conn>();
  const secrets = new Set<string>();
  const seen = new Set<string>();

  const look = (bytes: Uint8Array): void => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const secret of secrets) if (text.includes(secret)) seen.add(secret);
  };

  sockets.on("connection", (near) => {
    const far = new WebSocket(relayUrl(), [subprotocol], { perMessageDeflate: false });
    const early: Uint8Array[] = [];
    const up = { messages: 0, bytes: 0 };
    const down = { messages: 0, bytes: 0 };
    let name: string | undefined;
    const conn: Conn = {
      get name() {
        return name;
      },
      up,
      down,
      toRelay(message) {
        if (far.readyState === WebSocket.CONNECTING) early.push(message);
        else if (far.readyState === WebSocket.OPEN) far.send(message);
      },
      toClient(message) {
        if (near.readyState === WebSocket.OPEN) near.send(message);
      },
      cut() {
        near.terminate();
        far.terminate();
      },
    };
    conns.add(conn);
    far.on("open", () => {
      for (const message of early.splice(0)) far.send(message);
    });
    near.on("message", (data: Buffer) => {
      up.messages++;
      up.bytes += data.length;
      look(data);
      if (data[0] === frameType.sub) name = parseFrame(data).address.split("/")[1] ?? name;
      for (const bytes of tap.meddle({ conn, way: "up", bytes: new Uint8Array(data) })) conn.toRelay(bytes);
    });
    far.on("message", (data: Buffer) => {
      down.messages++;
      down.bytes += data.length;
      look(data);
      for (const bytes of tap.meddle({ conn, way: "down", bytes: new Uint8Array(data) })) conn.toClient(bytes);
    });
    const closable = (code: number): boolean => code === 1000 || (code >= 3000 && code <= 4999);
    far.on("close", (code, reason) => (closable(code) ? near.close(code, reason) : near.terminate()));
    near.on("close", (code, reason) => {
      conns.delete(conn);
      if (closable(code)) far.close(code, reason);
      else far.terminate();
    });
    for (const socket of [near, far]) socket.on("error", () => undefined);
  });

  const tap: Tap = {
    url: `ws://127.0.0.1:${port}/`,
    origin: `ws://127.0.0.1:${port}`,
    conns,
    meddle: pass,
    secrets,
    seen,
    async close() {
      for (const conn of conns) conn.cut();
      sockets.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return tap;
}

/** A relay frame that carries a Tightbeam frame, as the relay itself reads it. */
export interface Carried extends Frame {
  /** 1 HS1, 2 HS2, 3 HS3, 4 DATA, 5 RETRY. */
  readonly kind: number;
}

/** The SEND or MSG in a packet, if it is one. */
export function carried(bytes: Uint8Array): Carried | undefined {
  if (bytes[0] !== frameType.send && bytes[0] !== frameType.msg) return undefined;
  const frame = parseFrame(bytes);
  return { ...frame, kind: (frame.body[0] ?? 0) & 15 };
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The same relay frame with another address or body. */
export const recarried = (frame: Frame, change: { readonly address?: string; readonly body?: Uint8Array }): Uint8Array =>
  encodeFrame(frame.type, frame.request, ascii(change.address ?? frame.address), change.body ?? frame.body);
