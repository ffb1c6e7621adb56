import { parseArgs } from "node:util";
import { TightbeamError } from "@tightbeam/core";

export const usage = `Usage: npm run replicas [-- --transport websocket|nats]

Four processes answer as one agent at a steady rate. One is killed; a new one
starts. It shows who gets how much, and what becomes of what the dead one had.

  --transport websocket   over a relay (default)
  --transport nats        over a nats-server of its own
  --help                  this text

NO_COLOR=1 turns colours off. Exit codes: 0 nothing lost and nothing doubled,
1 something went wrong, 2 wrong options or no nats-server, 130 interrupted.
`;

export type TransportName = "websocket" | "nats";

/** Throws `invalid_argument` for wrong options. */
export function readOptions(args: readonly string[]): { readonly help: boolean; readonly transport: TransportName } {
  const { help = false, transport = "websocket" } = parse(args);
  if (transport !== "websocket" && transport !== "nats")
    throw new TightbeamError("invalid_argument", `'${transport.slice(0, 40)}' is no transport of this example; choose websocket or nats.`);
  return { help, transport };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { transport: { type: "string" }, help: { type: "boolean", short: "h" } }, strict: true }).values;
  } catch (error) {
    throw new TightbeamError("invalid_argument", `${(error as Error).message.split(". ")[0]}.`);
  }
}
