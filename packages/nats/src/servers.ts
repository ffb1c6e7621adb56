import { TightbeamError } from "@tightbeam/core/transport";

export const defaultServer = "nats://127.0.0.1:4222";

/** `host`, `host:port`, `nats://` or `tls://`, nothing after the port. The client drops what else a URL holds without a word. */
const grammar = /^(?:(?<scheme>[a-z][a-z0-9+.-]*):\/\/)?(?<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?<port>\d{1,5}))?\/?$/;

/** The servers as the client takes them, and whether one of them asks for TLS. Throws `invalid_argument`, without the text: it may hold a password. */
export function parseServers(given: string | readonly string[]): { readonly urls: readonly string[]; readonly secure: boolean } {
  const servers = typeof given === "string" ? [given] : given;
  if (!Array.isArray(servers) || servers.length === 0) throw invalid("`servers` names at least one server, such as nats://127.0.0.1:4222.");
  let secure = false;
  const urls = servers.map((server: unknown) => {
    if (typeof server !== "string") throw invalid("A server is a string such as nats://127.0.0.1:4222.");
    if (server.includes("@")) throw invalid("A server's URL holds no user or password; give them as `user` and `password`, or as `token`.");
    const { scheme = "nats", host, port = "4222" } = grammar.exec(server)?.groups ?? {};
    if (scheme === "ws" || scheme === "wss") throw invalid("Over WebSocket, connect with wsconnect of @nats-io/nats-core and pass the connection.");
    if (host === undefined || Number(port) > 65_535 || (scheme !== "nats" && scheme !== "tls"))
      throw invalid("A server looks like nats://host:4222 or tls://host:4222.");
    secure ||= scheme === "tls";
    return `${scheme}://${host}:${port}`;
  });
  return { urls, secure };
}

const invalid = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
