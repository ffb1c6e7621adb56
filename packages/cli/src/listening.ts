import type { AddressInfo, Server } from "node:net";
import { CommandError } from "./command-error.js";
import { exitCodes } from "./exit-codes.js";

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
