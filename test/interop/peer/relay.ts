import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { ascii, type Bytes, join, L, read, text, uint } from "./bytes.js";
import { type Identity, signCompact } from "./identity.js";
import { sha256 } from "./primitives.js";

/** packages/websocket/docs/relay-protocol.md, from the client's side. */

const types = { challenge: 1, login: 2, welcome: 3, renew: 4, sub: 5, subok: 6, unsub: 7, send: 8, msg: 9, err: 10, ping: 11, pong: 12, dropped: 13 } as const;

export interface RelayClient {
  readonly maxFrameBytes: number;
  send(to: string, frame: Bytes): void;
  subscribe(at: string, receive: (frame: Bytes) => void, group?: string): Promise<void>;
  close(): Promise<void>;
}

const message = (type: keyof typeof types, request: number, address: string, body: Bytes): Bytes =>
  join(uint(types[type], 1), uint(request, 4), L(ascii(address)), body);

async function login(origin: string, nonce: Bytes, identity: Identity, instance: string): Promise<Bytes> {
  const token = await identity.token(origin);
  const own = new Uint8Array(randomBytes(32));
  const signed = join(ascii("tightbeam/1 relay\0"), L(ascii(origin)), nonce, own, sha256(ascii(token)));
  const proof = signCompact(identity.key, "tightbeam-relay+jws", signed);
  return join(own, ascii(instance), L(ascii(origin)), L(ascii(token)), L(new Uint8Array()), L(ascii(proof)));
}

/** Resolves after WELCOME. `onError` hears of ERR for a SEND. */
export function connectRelay(url: string, identity: Identity, instance: string, onError: (reason: string) => void): Promise<RelayClient> {
  const socket = new WebSocket(url, ["tightbeam.relay.1"], { perMessageDeflate: false });
  const receivers = new Map<number, (frame: Bytes) => void>();
  const answers = new Map<number, { resolve(): void; reject(error: Error): void }>();
  let requests = 0;
  const closed = new Promise<void>((settle) => socket.once("close", () => settle()));

  const client = (maxFrameBytes: number): RelayClient => ({
    maxFrameBytes,
    send: (to, frame) => socket.send(message("send", 0, to, frame)),
    subscribe(at, receive, group = "") {
      const request = ++requests;
      receivers.set(request, receive);
      return new Promise((done, fail) => {
        answers.set(request, { resolve: done, reject: fail });
        socket.send(message("sub", request, at, ascii(group)));
      });
    },
    close() {
      socket.close();
      return closed;
    },
  });

  return new Promise((resolve, reject) => {
    socket.once("close", (code, reason) => reject(new Error(`closed: ${code} ${reason.toString()}`)));
    socket.once("error", reject);
    socket.on("message", (data: Buffer) => receive(data, resolve));
  });

  function receive(data: Buffer, resolve: (client: RelayClient) => void): void {
    const input = read(new Uint8Array(data));
    const [type, request, address] = [input.uint(1), input.uint(4), text(input.l())];
    if (type === types.challenge) {
      if (input.uint(1) !== 1) return socket.close();
      const { origin } = new URL(url.replace(/^ws/, "http"));
      void login(origin.replace(/^http/, "ws"), input.take(32), identity, instance).then((body) => socket.send(message("login", 0, "", body)));
    } else if (type === types.welcome) resolve(client(input.uint(4)));
    else if (type === types.subok) answers.get(request)?.resolve();
    else if (type === types.msg) receivers.get(request)?.(input.rest());
    else if (type === types.ping) socket.send(message("pong", request, "", new Uint8Array()));
    else if (type === types.err) {
      const error = new Error(`ERR ${input.uint(1)} ${text(input.rest())} ${address}`);
      if (request === 0) onError(error.message);
      answers.get(request)?.reject(error);
    }
  }
}
