import type { IncomingMessage } from "node:http";
import type { Timers, TransportError } from "@tightbeam/core/transport";
import WebSocket from "ws";
import { answerError, connectError } from "./errors.js";
import { connectCollected } from "./reads.js";
import { closeTimeoutMs, type OpenWire, type TlsOptions, type Wire, type WireEvents } from "./wire.js";
import { createWriter, messageBytes, socketOf } from "./ws.js";

const maxFragments = 64;
/** Where the socket under `ws` is out of reach and cannot say that it drained. */
const pollMs = 5;

const tlsOptions = (tls: TlsOptions | undefined): WebSocket.ClientOptions => (tls === undefined ? {} : ({ ...tls } as WebSocket.ClientOptions));

/** Over `ws`, on Node. */
export const openSocket: OpenWire = ({ url, subprotocols, maxMessageBytes, timeoutMs, timers, tls }, events) =>
  new Promise((resolve, reject) => {
    const settings: WebSocket.ClientOptions & { closeTimeout: number; maxFragments: number; autoPong: false } = {
      ...(url.protocol === "ws:" ? { createConnection: connectCollected as NonNullable<WebSocket.ClientOptions["createConnection"]> } : tlsOptions(tls)),
      handshakeTimeout: timeoutMs,
      closeTimeout: closeTimeoutMs,
      maxPayload: maxMessageBytes,
      maxFragments,
      perMessageDeflate: false,
      followRedirects: false,
      autoPong: false,
    };
    const ws = new WebSocket(url, [...subprotocols], settings);
    const fail = (error: TransportError) => {
      ws.off("open", opened);
      ws.off("unexpected-response", answered);
      reject(error);
    };
    // Stays for good: a WebSocket without an `error` listener ends the process at the first bad frame.
    ws.on("error", (error: Error & { code?: string }) => {
      lastError = error;
      fail(connectError(error, url));
    });
    const answered = (request: { destroy(): void }, response: IncomingMessage) => {
      request.destroy();
      fail(answerError(response.statusCode ?? 0, url));
    };
    ws.on("unexpected-response", answered);
    let lastError: Error | undefined;
    const opened = () => {
      ws.off("unexpected-response", answered);
      resolve(openWire(ws, timers, events, () => lastError));
    };
    ws.on("open", opened);
  });

function openWire(ws: WebSocket, timers: Timers, events: WireEvents, lastError: () => Error | undefined): Wire {
  const socket = socketOf(ws);
  const writer = createWriter(ws, "client");
  let ended = false;
  let waiting: (() => void)[] = [];
  const release = () => {
    const settled = waiting;
    waiting = [];
    for (const resolve of settled) resolve();
  };
  const awaitDrain = () => {
    if (socket === undefined) timers.after(pollMs, release);
  };
  socket?.on("drain", release);
  ws.on("message", (data, isBinary) => {
    if (ended) return;
    if (isBinary) events.message(messageBytes(data));
    else events.text();
  });
  answerPings(ws);
  ws.on("close", (code, reason) => {
    if (ended) return;
    ended = true;
    release();
    events.ended(code, reason.toString("latin1") || (lastError()?.message ?? ""));
  });

  return {
    get buffered() {
      return ws.bufferedAmount;
    },
    send(message, alone) {
      if (!ended) writer.write(message, alone);
    },
    drained: (mark) =>
      new Promise((resolve) => {
        if (ended || ws.bufferedAmount < mark) return resolve();
        waiting.push(resolve);
        awaitDrain();
      }),
    close: () =>
      new Promise((resolve) => {
        if (ws.readyState === WebSocket.CLOSED) return resolve();
        ws.once("close", () => resolve());
        ws.close(1000);
      }),
    destroy() {
      ws.terminate();
    },
  };
}

/** One answer waits at a time, to the latest ping (RFC 6455, 5.5.3): a relay that asks and does not read must not fill our memory. */
function answerPings(ws: WebSocket): void {
  let latest: Buffer | undefined;
  let leaving = false;
  const answer = () => {
    leaving = latest !== undefined && ws.readyState === WebSocket.OPEN;
    if (!leaving) return;
    const data = latest;
    latest = undefined;
    ws.pong(data, true, answer);
  };
  ws.on("ping", (data) => {
    latest = data;
    if (!leaving) answer();
  });
}
