/** Raw `ws`: echo, echo over TLS, and a process that only forwards bytes. One uncorked `ws.send` per message. */
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { makeCertificate } from "../certificate.js";
import { type Client, type Load, type Side, sampleObject, sendsPerTurn } from "./side.js";

/** First byte of the message that asks how many came before it. */
const countMark = 255;
const bufferedMost = 1024 * 1024;

const listen = (server: Server, onSocket: (socket: WebSocket) => void): Promise<number> => {
  new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 }).on("connection", (socket) => {
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
};

const echo = (socket: WebSocket): void => {
  socket.on("message", (data, isBinary) => socket.send(isBinary ? data : JSON.stringify(JSON.parse(String(data)))));
};

const count = (socket: WebSocket): void => {
  let received = 0;
  socket.on("message", (data: Buffer) => {
    if (data[0] === countMark) socket.send(String(received));
    else received += 1;
  });
};

/** Sends messages of this size for as long as the socket is open. */
const pour = async (socket: WebSocket, bytes: number): Promise<void> => {
  const payload = new Uint8Array(bytes).fill(7);
  while (socket.readyState === WebSocket.OPEN) {
    for (let index = 0; index < sendsPerTurn && socket.bufferedAmount < bufferedMost; index++) socket.send(payload);
    await nextTurn();
  }
};

const byPath = (socket: WebSocket, path = ""): void => {
  if (path.startsWith("/pour/")) void pour(socket, Number(path.slice(6)));
  else if (path === "/count") count(socket);
  else echo(socket);
};

async function serve(server: Server): Promise<number> {
  const paths = new WeakMap<object, string | undefined>();
  server.on("upgrade", (request) => paths.set(request.socket, request.url));
  return listen(server, (socket) => byPath(socket, paths.get((socket as unknown as { _socket: object })._socket)));
}

/** A process that does nothing but pass messages on to the echo server and back. */
const forward =
  (url: string) =>
  (near: WebSocket): void => {
    const far = new WebSocket(url, { perMessageDeflate: false });
    const early: Buffer[] = [];
    far.on("error", () => undefined);
    near.on("message", (data: Buffer) => (far.readyState === WebSocket.OPEN ? far.send(data) : early.push(data)));
    far.on("open", () => {
      for (const data of early) far.send(data);
    });
    far.on("message", (data) => near.send(data));
  };

const open = (url: string, ca?: string): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: 64 * 1024 * 1024, ...(ca === undefined ? {} : { ca }) });
    socket.once("open", () => resolve(socket));
    socket.once("error", reject);
  });

function runEcho(socket: WebSocket, { bytes, inFlight, ms }: Load): Promise<number> {
  return new Promise((resolve, reject) => {
    const payload = new Uint8Array(bytes).fill(7);
    const began = performance.now();
    let done = 0;
    let waiting = inFlight;
    const onMessage = (data: Buffer): void => {
      if (data.length !== bytes) return reject(new Error("an echo of another length"));
      done += 1;
      const now = performance.now();
      if (now - began < ms) return socket.send(payload);
      waiting -= 1;
      if (waiting > 0) return;
      socket.off("message", onMessage);
      resolve((done / (now - began)) * 1_000);
    };
    socket.on("message", onMessage);
    for (let index = 0; index < inFlight; index++) socket.send(payload);
  });
}

function runJson(socket: WebSocket, { bytes, inFlight, ms }: Load): Promise<number> {
  return new Promise((resolve) => {
    const value = sampleObject(bytes);
    const began = performance.now();
    let done = 0;
    let waiting = inFlight;
    const onMessage = (data: Buffer): void => {
      JSON.parse(String(data));
      done += 1;
      const now = performance.now();
      if (now - began < ms) return socket.send(JSON.stringify(value));
      waiting -= 1;
      if (waiting > 0) return;
      socket.off("message", onMessage);
      resolve((done / (now - began)) * 1_000);
    };
    socket.on("message", onMessage);
    for (let index = 0; index < inFlight; index++) socket.send(JSON.stringify(value));
  });
}

const nextMessage = (socket: WebSocket): Promise<string> => new Promise((resolve) => socket.once("message", (data) => resolve(String(data))));
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function runOneWay(url: string, { bytes, ms }: Load): Promise<number> {
  const socket = await open(`${url}/count`);
  const payload = new Uint8Array(bytes).fill(7);
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < ms) {
    for (let index = 0; index < sendsPerTurn && socket.bufferedAmount < bufferedMost; index++, sent++) socket.send(payload);
    await nextTurn();
  }
  socket.send(new Uint8Array([countMark]));
  const received = Number(await nextMessage(socket));
  const rate = (received / (performance.now() - began)) * 1_000;
  if (received !== sent) throw new Error(`${received} of ${sent} messages came`);
  socket.close();
  return rate;
}

async function runStream(url: string, ca: string | undefined, { bytes, ms }: Load): Promise<number> {
  const socket = await open(`${url}/pour/${bytes}`, ca);
  const began = performance.now();
  let came = 0;
  return new Promise((resolve, reject) => {
    socket.on("message", (data: Buffer) => {
      if (data.length !== bytes) return reject(new Error("a message of another length"));
      if (++came % sendsPerTurn !== 0 || performance.now() - began < ms) return;
      resolve((came / (performance.now() - began)) * 1_000);
      socket.removeAllListeners("message");
      socket.terminate();
    });
  });
}

async function clientOf(url: string, ca?: string): Promise<Client> {
  const socket = await open(url, ca);
  return (load) =>
    load.kind === "stream"
      ? runStream(url, ca, load)
      : load.kind === "oneWay"
        ? runOneWay(url, load)
        : load.kind === "json"
          ? runJson(socket, load)
          : runEcho(socket, load);
}

export const side: Side = {
  servers: {
    echo: async () => `ws://127.0.0.1:${await serve(createServer())}`,
    async tls() {
      const { key, certificate } = makeCertificate();
      const port = await serve(createTlsServer({ key, cert: certificate }) as unknown as Server);
      return `wss://127.0.0.1:${port} ${certificate}`;
    },
    forward: async (url) => `ws://127.0.0.1:${await listen(createServer(), forward(url))}`,
  },
  connect(argument) {
    const space = argument.indexOf(" ");
    return space < 0 ? clientOf(argument) : clientOf(argument.slice(0, space), argument.slice(space + 1));
  },
};
