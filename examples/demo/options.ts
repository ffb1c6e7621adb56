import { parseArgs } from "node:util";
import { TightbeamError } from "@tightbeam/core";

export const usage = `Usage: npm run demo [-- --transport websocket|memory]

Two agents talk end to end encrypted, while what carries them is killed.

  --transport websocket   relay and agents as separate processes on 127.0.0.1 (default)
  --transport memory      the same agents in one process, over a memory hub
  --help                  this text

NO_COLOR=1 turns colours off. Exit codes: 0 every reply arrived once, 1 something
went wrong, 2 wrong options, 130 interrupted.
`;

export type TransportName = "websocket" | "memory";
const transports: readonly string[] = ["websocket", "memory"];

/** Throws `invalid_argument` for wrong options and `unsupported` for a transport that is not there yet. */
export function readOptions(args: readonly string[]): { readonly help: boolean; readonly transport: TransportName } {
  const { help = false, transport = "websocket" } = parse(args);
  if (transport === "nats")
    throw new TightbeamError("unsupported", "The NATS transport is not part of this version yet; choose --transport websocket or --transport memory.");
  if (!transports.includes(transport))
    throw new TightbeamError("invalid_argument", `'${transport.slice(0, 40)}' is no transport of this demo; choose ${transports.join(" or ")}.`);
  return { help, transport: transport as TransportName };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { transport: { type: "string" }, help: { type: "boolean", short: "h" } }, strict: true }).values;
  } catch (error) {
    throw new TightbeamError("invalid_argument", `${(error as Error).message.split(". ")[0]}.`);
  }
}
