import { type Identity, signProof } from "@tightbeam/core/identity";
import { WebSocket } from "ws";
import { loginPayload } from "../src/login.js";
import {
  asciiBytes,
  encodeFrame,
  encodeGroup,
  encodeLogin,
  type Frame,
  frameType,
  type Login,
  noBytes,
  parseChallenge,
  parseFrame,
  subprotocol,
} from "../src/protocol.js";
import { reasonOfClose } from "../src/reasons.js";

/** A client of the relay that does exactly what a test says, right or wrong. */
export interface RawClient {
  readonly socket: WebSocket;
  /** The relay's nonce for this socket. */
  readonly nonce: Uint8Array;
  readonly frames: Frame[];
  /** The reason (or code) of the close frame. */
  readonly closed: Promise<string>;
  send(type: number, request: number, address?: string, body?: Uint8Array): void;
  next(type: number): Promise<Frame>;
}

export function open(url: string, options: { headers?: Record<string, string>; protocols?: string[] } = {}): Promise<RawClient> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, options.protocols ?? [subprotocol], { perMessageDeflate: false, headers: options.headers ?? {} });
    const frames: Frame[] = [];
    const waiting: { type: number; resolve: (frame: Frame) => void }[] = [];
    const closed = new Promise<string>((settle) => socket.on("close", (code) => settle(reasonOfClose(code) ?? String(code))));
    socket.on("error", reject);
    socket.on("message", (data: Buffer) => {
      const frame = parseFrame(new Uint8Array(data));
      frames.push(frame);
      const at = waiting.findIndex(({ type }) => type === frame.type);
      if (at >= 0) waiting.splice(at, 1)[0]?.resolve(frame);
      if (frame.type === frameType.challenge) resolve({ ...client, nonce: parseChallenge(frame.body).nonce });
    });
    const client = {
      socket,
      frames,
      closed,
      nonce: noBytes,
      send: (type: number, request: number, address = "", body: Uint8Array = noBytes) =>
        socket.send(encodeFrame(type as Frame["type"], request, asciiBytes(address), body)),
      next: (type: number) =>
        new Promise<Frame>((settle, fail) => {
          const seen = frames.find((frame) => frame.type === type);
          if (seen !== undefined) return settle(seen);
          waiting.push({ type, resolve: settle });
          void closed.then((reason) => fail(new Error(`closed: ${reason}`)));
        }),
    };
  });
}

export async function loginBody(client: RawClient, identity: Identity, instance: string, origin: string, lies: Partial<Login> = {}): Promise<Uint8Array> {
  const token = lies.token ?? (await identity.token(origin));
  const nonce = new Uint8Array(32).fill(9);
  const proof = await signProof(identity.key, "tightbeam-relay+jws", await loginPayload(origin, client.nonce, nonce, token));
  return encodeLogin({ nonce, instance, origin, token, jwk: "", proof, ...lies });
}

/** Opens and logs in as the protocol says. */
export async function logIn(url: string, identity: Identity, instance: string): Promise<RawClient> {
  const client = await open(url);
  client.send(frameType.login, 0, "", await loginBody(client, identity, instance, new URL(url).origin));
  await client.next(frameType.welcome);
  return client;
}

export async function subscribe(client: RawClient, number: number, address: string, group?: string): Promise<Frame> {
  client.send(frameType.sub, number, address, encodeGroup(group));
  const before = client.frames.length;
  for (;;) {
    const answer = client.frames.slice(before).find(({ request, type }) => request === number && (type === frameType.subOk || type === frameType.err));
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export const instanceOf = (letter: string): string => letter.repeat(22);
