import { unlinkSync } from "node:fs";
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

const socketPath = ({ name, place }: Sign, path: string): string => {
  if (place === "pipe") return `\\\\.\\pipe\\tightbeam-${name}`;
  return place === "store" ? join(path, `owner-${name}.sock`) : join(tmpdir(), `tightbeam-${name}.sock`);
};

export async function listen(path: string, random: Random): Promise<SignServer> {
  const name = Buffer.from(random.bytes(nameBytes)).toString("base64url");
  if (platform() === "win32") return listenAt({ name, place: "pipe" }, path);
  const here: Sign = { name, place: "store" };
  if (socketPath(here, path).length <= pathMax) {
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
    server.listen({ path: socketPath(sign, path) }, resolve);
  });
  server.on("error", () => undefined);
  server.unref();
  return { sign, close: () => new Promise((resolve) => void server.close(() => resolve())) };
}

/** Whether somebody listens there. What cannot be told counts as alive. */
export async function isAlive(sign: Sign, path: string): Promise<boolean> {
  const at = socketPath(sign, path);
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect({ path: at });
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
  });
  if (code === "ENOENT") return false;
  if (code !== "ECONNREFUSED") return true;
  try {
    unlinkSync(at);
  } catch {
    // Its directory may be read-only, or another has removed it.
  }
  return false;
}
