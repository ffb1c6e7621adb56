import { type Command, Option } from "commander";
import type { Frame } from "../invocation.js";
import { timeOption, whole } from "../numbers.js";
import { agentOptions, collect, storeOptions } from "../settings.js";
import type { ListenOptions } from "./listen/listen.js";

export function define(command: Command, { action }: Frame): void {
  command
    .usage("[options] [methods...] [-- arguments of --exec]")
    .argument("[methods...]", "what it answers (default: whatever is asked, unless there is a --stream or --topic)")
    .description(
      "Is an agent until ctrl-c. It prints each message that comes, and answers with its input, or with what a program makes of it.\n" +
        "The program gets the input on stdin, as JSON or as the bytes that came, and its stdout is the answer. No shell is involved, and nothing of a message is an argument.",
    )
    .option("--exec <program>", "run this for each message; its arguments stand behind --")
    .option("--raw", "with --exec: its output is bytes as they are, not JSON")
    .option("--concurrency <number>", "with --exec: how many run at a time; more wait", whole(1, 1_024), 4)
    .addOption(timeOption("--exec-timeout <time>", "with --exec: how long one may take", "60s"))
    .option("--stream <name>", "serve a stream, too: by echo, or lines of the program; repeat for several", collect)
    .option("--topic <pattern>", "subscribe, and print events; repeat for several", collect)
    .option("--kind <kind>", "a kind of agent that this is, for those who look for one; repeat for several", collect)
    .addOption(new Option("--policy <policy>", "who may call: token asks for permissions (call:<method>)").choices(["everyone", "token"]).default("everyone"))
    .option("--quiet", "print nothing of the messages");
  storeOptions(agentOptions(command))
    .addHelpText(
      "after",
      "\nExamples:\n  tightbeam listen echo\n  tightbeam listen summarize --exec ./summarize.py -- --short\n  tightbeam listen --topic 'build.>'",
    )
    .action(
      action<ListenOptions>(async (invocation, options, ...args) => (await import("./listen/listen.js")).listen(invocation, options, args.flat() as string[])),
    );
}
