import type { Command } from "commander";
import type { Frame } from "../invocation.js";
import { whole } from "../numbers.js";
import { collect, trustOptions } from "../settings.js";
import type { RelayCommandOptions } from "./relay/serve.js";

export function define(command: Command, { action }: Frame): void {
  command
    .description("Carries frames between agents whose tokens verify. It sees who talks to whom, when and how much, and ciphertext; it keeps nothing.")
    .option("--port <number>", "where to listen; 0 for any free port", whole(0, 65_535), 8787)
    .option("--host <address>", "anything but loopback needs --origin", "127.0.0.1")
    .option("--path <path>", "where the WebSocket is", "/")
    .option("--origin <origin>", "the public origin that agents dial, such as wss://relay.example; repeat for several", collect)
    .option("--page <origin>", "a web origin whose pages may connect, such as https://app.example; repeat for several", collect)
    .option("--limit <name=number>", "a limit of RelayLimits, such as sockets=2000; repeat for several", collect)
    .option("--monitoring-port <number>", "GET /metrics, /health and /ready here, plain HTTP; 0 for any free port (default: none)", whole(0, 65_535))
    .option("--monitoring-host <address>", "anything but loopback needs a token (default 127.0.0.1)")
    .option("--monitoring-token-file <file>", "who asks shows what is in it; or TIGHTBEAM_MONITORING_TOKEN");
  trustOptions(command)
    .addHelpText("after", "\nExample:\n  tightbeam relay --authority http://127.0.0.1:8788/token")
    .action(action<RelayCommandOptions>(async (invocation, options) => (await import("./relay/serve.js")).serve(invocation, options)));
}
