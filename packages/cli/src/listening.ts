import type { AddressInfo, Server } from "node:net";
import { isTightbeamError } from "@tightbeam/core/transport";
import { CommandError } from "./command-error.js";
import { exitCodes } from "./exit-codes.js";

/** What opens a port by itself: that it is taken is nobody's network being down. */
export async function opened<T>(opening: Promise<T>, advice: string): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (!isTightbeamError(error) || error.code !== "unavailable") throw error;
    throw new CommandError(error.code, exitCodes.network, error.message, advice, error);
  }
}

/** Resolves with the port. Rejects with what to do when it cannot be taken. */
export function listening(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        new CommandError(
          "unavailable",
          exitCodes.network,
          `Port ${port} of ${host} cannot be taken (${cause.code ?? "failed"}).`,
          "Something else listens there: give another --port, or 0 for any.",
          cause,
        ),
      ),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
