import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Runtime, TightbeamError, TransportError } from "@tightbeam/core/transport";

export const portOf = (server: Server): number => (server.address() as AddressInfo | null)?.port ?? 0;

/** Resolves with the port. `what`: who listens, in words. Rejects `unavailable`, and `invalid_argument` for a port that is none. */
export async function listen(server: Server, port: number, host: string, what = "The relay"): Promise<number> {
  // What is no number would be the path of a socket, and nothing any port.
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535))
    throw new TightbeamError("invalid_argument", "`port` is a whole number from 0 to 65535; 0 is any free one.");
  return new Promise((resolve, reject) => {
    const failed = (cause: Error & { code?: string }) => {
      const why = cause.code === "EADDRINUSE" ? "another program listens there" : cause.code === "EACCES" ? "this user may not listen there" : cause.message;
      reject(new TransportError("unavailable", `${what} cannot listen on ${host}:${port}: ${why}.`, { cause }));
    };
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      // Such as EMFILE on accept: that connection is lost, the relay goes on.
      server.on("error", () => {});
      resolve(portOf(server));
    });
  });
}

const closeWaitMs = 2_500;

/** Stops listening and waits for what is open, but not for ever. */
export function stopListening(server: Server, { timers }: Runtime): Promise<void> {
  return new Promise((resolve) => {
    const cancel = timers.after(closeWaitMs, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Runs again and again, without keeping the process alive, until the returned function is called. */
export function every({ timers }: Runtime, ms: number, run: () => void): () => void {
  let cancel = () => {};
  const arm = () => {
    cancel = timers.after(
      ms,
      () => {
        arm();
        run();
      },
      { background: true },
    );
  };
  arm();
  return () => cancel();
}
