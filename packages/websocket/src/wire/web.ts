import { TightbeamError, type Timers, TransportError } from "@tightbeam/core/transport";
import { closeTimeoutMs, type OpenOptions, type OpenWire, type Wire, type WireEvents } from "./wire.js";

/** A platform's socket tells nobody when it drains: ask again after this long. */
const pollMs = 5;

/** The WHATWG WebSocket as far as it is used here. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly protocol: string;
  readonly readyState: number;
  onopen: ((event: unknown) => void) | null;
  onerror: ((event: unknown) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

const isOpen = 1;

/** Over the WebSocket of a browser, Bun or Deno, or one that is handed in. */
export function openWith(construct: WebSocketConstructor): OpenWire {
  return (options, events) =>
    new Promise((resolve, reject) => {
      const { url, subprotocols, timers, timeoutMs, tls } = options;
      if (tls !== undefined) {
        reject(new TightbeamError("invalid_argument", "`tls` is for Node: this runtime's WebSocket uses the platform's certificates."));
        return;
      }
      const socket = new construct(url.href, [...subprotocols]);
      socket.binaryType = "arraybuffer";
      const give = (error: TransportError) => {
        cancel();
        socket.onopen = socket.onclose = socket.onerror = socket.onmessage = null;
        socket.close();
        reject(error);
      };
      const cancel = timers.after(timeoutMs, () => give(new TransportError("unavailable", `No WebSocket at ${url.origin} within ${timeoutMs} ms.`)));
      socket.onclose = () =>
        give(
          new TransportError(
            "unavailable",
            `Could not connect to ${url.origin}${url.pathname}; this runtime does not say why. Is a relay there, and does it allow this page's origin?`,
          ),
        );
      socket.onopen = () => {
        if (socket.protocol !== subprotocols[0]) {
          give(new TransportError("failed", `The server at ${url.origin}${url.pathname} is not a Tightbeam relay: it speaks another subprotocol.`));
          return;
        }
        cancel();
        resolve(openWire(socket, timers, events, options));
      };
    });
}

function openWire(socket: WebSocketLike, timers: Timers, events: WireEvents, { maxMessageBytes }: OpenOptions): Wire {
  let ended = false;
  const atEnd = new Set<() => void>();
  const end = (code: number, reason: string) => {
    if (ended) return;
    ended = true;
    socket.onopen = socket.onclose = socket.onerror = socket.onmessage = null;
    for (const settle of atEnd) settle();
    atEnd.clear();
    events.ended(code, reason);
  };
  socket.onclose = ({ code, reason }) => end(code, reason);
  socket.onmessage = ({ data }) => {
    if (!(data instanceof ArrayBuffer)) events.text();
    else if (data.byteLength > maxMessageBytes) wire.destroy();
    else events.message(new Uint8Array(data));
  };

  const wire: Wire = {
    get buffered() {
      return socket.bufferedAmount;
    },
    send(message) {
      if (!ended && socket.readyState === isOpen) socket.send(message);
    },
    drained: (mark) =>
      new Promise((resolve) => {
        let cancel = () => {};
        const settle = () => {
          cancel();
          atEnd.delete(settle);
          resolve();
        };
        const look = () => {
          if (ended || socket.bufferedAmount < mark) settle();
          else cancel = timers.after(pollMs, look);
        };
        atEnd.add(settle);
        look();
      }),
    close: () =>
      new Promise((resolve) => {
        if (ended) return resolve();
        const cancel = timers.after(closeTimeoutMs, () => end(1006, "the closing handshake took too long"));
        atEnd.add(() => {
          cancel();
          resolve();
        });
        socket.close(1000);
      }),
    destroy() {
      socket.close();
      end(1006, "given up");
    },
  };
  return wire;
}

/** Fails with `unsupported` where there is no WebSocket at all. */
export const openSocket: OpenWire = (options, events) => {
  const construct = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (construct === undefined) return Promise.reject(new TransportError("unsupported", "This runtime has no WebSocket; hand one in as `webSocket`."));
  return openWith(construct)(options, events);
};
