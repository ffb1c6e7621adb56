import { parseArgs } from "node:util";
import { TightbeamError } from "@tightbeam/core";

export const usage = `Usage: npm run demo [-- --transport websocket|nats|memory]

Two agents talk end to end encrypted, while what carries them is killed.

  --transport websocket   over a relay; each is a process on 127.0.0.1 (default)
  --transport nats        over a nats-server of its own, in the same way; it is
                          installed where that is allowed (root on Debian)
  --transport memory      in one process, over a hub; nothing is killed, it is cut
  --help                  this text

NO_COLOR=1 turns colours off. Exit codes: 0 every reply arrived once, 1 something
went wrong, 2 wrong options or no nats-server, 130 interrupted.
`;

export type TransportName = "websocket" | "nats" | "memory";
const transports: readonly string[] = ["websocket", "nats", "memory"];

/** Throws `invalid_argument` for wrong options. */
export function readOptions(args: readonly string[]): { readonly help: boolean; readonly transport: TransportName } {
  const { help = false, transport = "websocket" } = parse(args);
  if (!transports.includes(transport))
    throw new TightbeamError(
      "invalid_argument",
      `'${transport.slice(0, 40)}' is no transport of this demo; choose ${transports.join(", ").replace(/, (\w+)$/, " or $1")}.`,
    );
  return { help, transport: transport as TransportName };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { transport: { type: "string" }, help: { type: "boolean", short: "h" } }, strict: true }).values;
  } catch (error) {
    throw new TightbeamError("invalid_argument", `${(error as Error).message.split(". ")[0]}.`);
  }
}
