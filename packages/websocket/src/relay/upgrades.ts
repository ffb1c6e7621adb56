import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { TightbeamError } from "@tightbeam/core/transport";

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const nothing = (): void => undefined;

/** Where the relays of this package are on one HTTP server, the first one first. */
const places = new WeakMap<Server, Set<string>>();

export const pathOf = (request: IncomingMessage): string => (request.url ?? "").split("?", 1)[0] as string;

/**
 * Takes the upgrades of an HTTP server that are for `path`, and leaves those for other paths to whoever else listens for upgrades there. Where only
 * relays do, the first of them takes what is for none, and answers 404. Throws `invalid_argument` when another relay is at this path.
 */
export function takeUpgrades(server: Server, path: string, take: Upgrade): () => void {
  const paths = places.get(server) ?? new Set();
  if (paths.has(path)) throw new TightbeamError("invalid_argument", `Another relay is at '${path}' of this server: give this one another \`path\`.`);
  places.set(server, paths.add(path));
  const isLeft = (asked: string): boolean => asked !== path && (paths.has(asked) || server.listenerCount("upgrade") > paths.size || !isFirst());
  const isFirst = (): boolean => paths.values().next().value === path;
  const upgrade: Upgrade = (request, socket, head) => {
    // Also of those that are left: what breaks before somebody listens to it would end the process.
    socket.on("error", nothing);
    if (!isLeft(pathOf(request))) take(request, socket, head);
  };
  server.on("upgrade", upgrade);
  return () => {
    server.off("upgrade", upgrade);
    paths.delete(path);
  };
}
