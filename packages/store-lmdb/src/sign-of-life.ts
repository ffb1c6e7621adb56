import { closeSync, openSync, readdirSync, unlinkSync } from "node:fs";
import { connect, createServer } from "node:net";
import { platform, tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "@tightbeam/core/runtime";

/**
 * A socket on which a living process listens. The kernel closes it with the process, however that ends, and answers for one that is busy or stopped:
 * no number of a process that another has got since, no clock, and containers that share the directory see each other.
 */
export interface Sign {
  /** 22 base64url characters. */
  readonly name: string;
  readonly place: SignPlace;
}

/** In the store's directory; in the system's temporary one, where the other cannot hold a socket or its path is too long; a named pipe on Windows. */
export type SignPlace = "store" | "temporary" | "pipe";

export interface SignServer {
  readonly sign: Sign;
  close(): Promise<void>;
}

/** What `sockaddr_un` holds on every system, with room for the end of the string. */
const pathMax = 100;
const nameBytes = 16;
const suffixes: Readonly<Record<SignPlace, string>> = { store: "sock", temporary: "temporary", pipe: "pipe" };

/** The file in the store's directory that shows a sign: the socket itself, or an empty file that says where it is. */
const shownAt = ({ name, place }: Sign, path: string): string => join(path, `owner-${name}.${suffixes[place]}`);

function socketAt(sign: Sign, path: string): string {
  if (sign.place === "store") return shownAt(sign, path);
  return sign.place === "pipe" ? `\\\\.\\pipe\\tightbeam-${sign.name}` : join(tmpdir(), `tightbeam-${sign.name}.sock`);
}

/** Throws errors of the file system. */
export async function showSign(path: string, random: Random): Promise<SignServer> {
  const name = Buffer.from(random.bytes(nameBytes)).toString("base64url");
  if (platform() === "win32") return listenAt({ name, place: "pipe" }, path);
  const here: Sign = { name, place: "store" };
  if (socketAt(here, path).length <= pathMax) {
    try {
      return await listenAt(here, path);
    } catch {
      // A file system without sockets.
    }
  }
  return listenAt({ name, place: "temporary" }, path);
}

async function listenAt(sign: Sign, path: string): Promise<SignServer> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path: socketAt(sign, path) }, resolve);
  });
  server.on("error", () => undefined);
  server.unref();
  try {
    if (sign.place !== "store") closeSync(openSync(shownAt(sign, path), "wx", 0o600));
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    sign,
    async close() {
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      removeSign(sign, path);
    },
  };
}

/** Removes what a process that is gone has left of itself. */
export function removeSign(sign: Sign, path: string): void {
  for (const file of sign.place === "pipe" ? [shownAt(sign, path)] : [shownAt(sign, path), socketAt(sign, path)]) {
    try {
      unlinkSync(file);
    } catch {
      // Gone already, or its directory is read-only.
    }
  }
}

/** The signs of processes that have the store open, are opening it, or were killed. */
export function signsIn(path: string): Sign[] {
  return readdirSync(path).flatMap((file) => {
    const [, name = "", suffix = ""] = /^owner-([\w-]{22})\.(sock|temporary|pipe)$/.exec(file) ?? [];
    const place = (["store", "temporary", "pipe"] as const).find((one) => suffixes[one] === suffix);
    return place === undefined ? [] : [{ name, place }];
  });
}

/** Whether somebody listens there. What cannot be told counts as alive. */
export async function isAlive(sign: Sign, path: string): Promise<boolean> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ path: socketAt(sign, path) });
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
  });
  return code !== "ENOENT" && code !== "ECONNREFUSED";
}
