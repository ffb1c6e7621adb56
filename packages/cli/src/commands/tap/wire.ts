import { connect, createServer, type Socket } from "node:net";
import { listening } from "../../listening.js";
import { readRelayFrame } from "./relay-frame.js";
import { createWebSocketReader } from "./websocket-reader.js";

export interface WireOptions {
  readonly relay: URL;
  readonly port: number;
  readonly host: string;
  /** One message of the relay protocol. `who` is what its address betrays: the agent that subscribed there, once it did. */
  readonly message: (heard: {
    readonly connection: number;
    readonly who: string | undefined;
    readonly to: "relay" | "agent";
    readonly name: string;
    readonly address: string;
    readonly body: Buffer;
    readonly bytes: number;
  }) => void;
  /** What went wrong on one connection, for people. */
  readonly trouble: (connection: number, why: string) => void;
}

/** Remembered of one connection. */
const subscriptionsMax = 1_024;

export interface Wire {
  readonly port: number;
  close(): Promise<void>;
}

/** A wire between agents and a relay: every byte is carried on as it came, and read on its way. Rejects `unavailable` when the port is taken. */
export async function layWire({ relay, port, host, message, trouble }: WireOptions): Promise<Wire> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((agent) => {
    const connection = ++connections;
    const upstream = connect(Number(relay.port || 80), relay.hostname.replaceAll(/[[\]]/g, ""));
    let who: string | undefined;
    const subscriptions = new Map<number, string>();
    const reading = (to: "relay" | "agent") =>
      createWebSocketReader({
        head(line) {
          if (to === "agent" && !line.includes(" 101 ")) trouble(connection, `the relay answered "${line}"`);
        },
        binary(bytes) {
          const frame = readRelayFrame(bytes);
          if (frame === undefined) return trouble(connection, `${bytes.length} bytes that are no frame of a relay`);
          const { name, request } = frame;
          const address = frame.address === "" ? (subscriptions.get(request) ?? "") : frame.address;
          if (name === "SUB" && subscriptions.size < subscriptionsMax) subscriptions.set(request, address);
          if (name === "SUB" && address.startsWith("inbox/")) who = address.split("/").slice(1, -1).join("/");
          message({ connection, who, to, name, address, body: frame.body, bytes: bytes.length });
        },
        closed: (code, reason) => (code === 1000 ? undefined : trouble(connection, `closed with ${code} ${reason}`)),
        lost: (why) => trouble(connection, `not read any further: ${why}`),
      });
    const toRelay = reading("relay");
    const toAgent = reading("agent");
    agent.on("data", (chunk: Buffer) => toRelay.push(chunk));
    upstream.on("data", (chunk: Buffer) => toAgent.push(chunk));
    for (const [one, other] of [
      [agent, upstream],
      [upstream, agent],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.pipe(other);
      one.on("error", (error: NodeJS.ErrnoException) => {
        if (one === upstream && error.code === "ECONNREFUSED") trouble(connection, `nobody listens at ${relay.host}`);
        other.destroy();
      });
      one.on("close", () => {
        sockets.delete(one);
        other.destroySoon();
      });
    }
  });
  const bound = await listening(server, port, host);
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
