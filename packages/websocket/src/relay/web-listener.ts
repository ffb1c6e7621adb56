import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

/** Serves what speaks the Fetch standard with `node:http` or `node:https`. `handle` does not reject. */
export function webListener(handle: (asked: Request, request: IncomingMessage) => Promise<Response>): RequestListener {
  return (request, response) => {
    answer(handle, request, response).catch(() => response.destroy());
  };
}

async function answer(handle: Parameters<typeof webListener>[0], request: IncomingMessage, response: ServerResponse) {
  // A client that goes away is nobody's error.
  response.on("error", () => undefined);
  const asked = toWeb(request);
  if (asked === undefined) {
    response.writeHead(400, { connection: "close" }).end();
    return;
  }
  const { status, headers, body } = await handle(asked, request);
  const bytes = body === null ? new Uint8Array(0) : new Uint8Array(await new Response(body).arrayBuffer());
  // What was not read of a body that is refused is not worth reading.
  const rest = request.complete ? {} : { connection: "close" };
  response.writeHead(status, { "content-length": bytes.length, ...Object.fromEntries(headers), ...rest });
  response.end(bytes);
}

/** Undefined for a request whose target or headers the Fetch standard does not take. */
function toWeb(request: IncomingMessage): Request | undefined {
  const { method = "GET", url = "/", rawHeaders } = request;
  const headers = new Headers();
  try {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
    // Only the path is looked at: a Host header chooses nothing.
    const target = `http://localhost${url.startsWith("/") ? url : "/"}`;
    if (method === "GET" || method === "HEAD") return new Request(target, { method, headers });
    const init: RequestInit & { duplex: "half" } = { method, headers, body: bodyOf(request), duplex: "half" };
    return new Request(target, init);
  } catch {
    return undefined;
  }
}

/** Read as it is asked for. Giving it up leaves the socket, so that a refusal can still be sent. */
function bodyOf(request: IncomingMessage): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      request.on("data", (chunk: Buffer) => {
        request.pause();
        controller.enqueue(new Uint8Array(chunk));
      });
      request.on("end", () => controller.close());
      request.on("error", (cause) => controller.error(cause));
      request.on("close", () => {
        if (!request.complete) controller.error(new Error("The client went away."));
      });
      request.pause();
    },
    pull: () => void request.resume(),
    cancel: () => void request.pause().removeAllListeners("data").removeAllListeners("end"),
  });
}
