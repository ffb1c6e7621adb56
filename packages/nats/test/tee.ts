import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP line in front of a server that keeps what clients say, and can hold back, add to or cut what the server says. */
export interface Tee {
  readonly url: string;
  readonly host: string;
  /** Everything the clients wrote, as latin-1. */
  said(): string;
  /** The protocol lines among it: what stands between CR LFs, payloads left out. */
  commands(): string[];
  /** Says something to every client as if the server had. */
  inject(text: string): void;
  /** Stops reading from the server, and goes on. */
  pause(): void;
  resume(): void;
  cut(): void;
  close(): Promise<void>;
}

export async function createTee(port: number): Promise<Tee> {
  const lines: Buffer[][] = [];
  const near = new Set<Socket>();
  const far = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    const heard: Buffer[] = [];
    lines.push(heard);
    near.add(client);
    far.add(upstream);
    client.on("data", (data: Buffer) => heard.push(data));
    for (const socket of [client, upstream]) {
      socket.on("error", () => undefined);
      socket.once("close", () => {
        near.delete(client);
        far.delete(upstream);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on("data", (data: Buffer) => client.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const socket of near) socket.resetAndDestroy();
  };
  return {
    url: `nats://${host}`,
    host,
    said: () => lines.map((heard) => Buffer.concat(heard).toString("latin1")).join(""),
    commands: () => lines.flatMap((heard) => commandsIn(Buffer.concat(heard).toString("latin1"))),
    inject(text) {
      for (const socket of near) socket.write(text);
    },
    pause() {
      for (const socket of far) socket.pause();
    },
    resume() {
      for (const socket of far) socket.resume();
    },
    cut,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}

/** As a server reads it: line by line, and behind each PUB its payload. */
function commandsIn(text: string): string[] {
  const commands: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\r\n", at);
    if (end === -1) break;
    const line = text.slice(at, end);
    commands.push(line);
    at = end + 2;
    const size = /^H?PUB .* (\d+)$/.exec(line)?.[1];
    if (size !== undefined) at += Number(size) + 2;
  }
  return commands;
}
