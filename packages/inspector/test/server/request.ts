import { connect } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** One request as it stands, over a socket of its own: no client adds or refuses a header, or tidies a path. */
export function raw(port: number, text: string, until: (all: string) => boolean = () => false): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let all = "";
    const done = (): void => {
      socket.destroy();
      const [head = "", ...body] = all.split("\r\n\r\n");
      resolve({ status: Number(head.split(" ")[1] ?? 0), head, body: body.join("\r\n\r\n") });
    };
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      all += chunk;
      if (until(all)) done();
    });
    socket.on("close", done);
    socket.on("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNRESET" || error.code === "EPIPE" ? done() : reject(error)));
    socket.write(text);
  });
}

export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** With the headers of the page's own script, unless others are given; an empty one is left out. */
export function ask(port: number, token: string, { method = "GET", path, headers = {}, body }: Asked): Promise<RawAnswer> {
  const host = `127.0.0.1:${port}`;
  const all: Record<string, string> = {
    host,
    connection: "close",
    "x-tightbeam-inspector": token,
    "sec-fetch-site": "same-origin",
    ...(method === "POST" ? { origin: `http://${host}`, "content-type": "application/json" } : {}),
    ...(body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` }),
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== "");
  return raw(port, `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body ?? ""}`);
}
