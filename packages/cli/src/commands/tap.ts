import type { Command } from "commander";
import type { Frame } from "../invocation.js";
import { whole } from "../numbers.js";
import type { TapCommandOptions } from "./tap/tap.js";

export function define(command: Command, { action }: Frame): void {
  command
    .argument("[url]", "the relay (ws://) or NATS server (nats://, tls://); default: TIGHTBEAM_URL, or the profile's")
    .description(
      "Shows what the network sees, as whoever runs it could: addresses, times, sizes, header fields, and ciphertext that nobody between the agents can read.\n" +
        "With NATS it subscribes to everything under the prefix. For a relay it is a wire in between: agents dial the tap, and it carries every byte on.",
    )
    .option("--profile <name|file>", "a profile of tightbeam.json, of ~/.config/tightbeam, or a file")
    .option("--port <number>", "relay: where agents dial; 0 for any free port", whole(0, 65_535), 8789)
    .option("--host <address>", "relay: where to listen", "127.0.0.1")
    .option("--hex <number>", "how many bytes of each frame to show", whole(0, 65_536), 48)
    .option("--count <number>", "end after so many frames", whole(1, 1_000_000_000))
    .option("--all", "relay: logins, subscriptions and pings, too")
    .option("--prefix <name>", "NATS: the first part of every subject (default tightbeam)")
    .option("--nats-creds <file>", "NATS: a creds file that may subscribe to everything under the prefix")
    .option("--ca <file>", "NATS: the certificate authority in PEM")
    .addHelpText(
      "after",
      "\nExamples:\n  tightbeam relay --origin ws://127.0.0.1:8787 --origin ws://127.0.0.1:8789 …\n  tightbeam tap ws://127.0.0.1:8787        and agents with --url ws://127.0.0.1:8789\n  tightbeam tap nats://127.0.0.1:4222",
    )
    .action(action<TapCommandOptions>(async (invocation, options, url) => (await import("./tap/tap.js")).tap(invocation, options, url)));
}
