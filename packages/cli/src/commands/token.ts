import type { Command } from "commander";
import type { Frame } from "../invocation.js";
import { duration } from "../numbers.js";
import { collect, trustOptions } from "../settings.js";
import type { InspectOptions } from "./token/inspect.js";
import type { IssueOptions } from "./token/issue.js";
import type { VerifyOptions } from "./token/verify.js";

export function define(command: Command, { action }: Frame): void {
  command.description("A token says that a key is an agent, and what that agent may do. It is useless to whoever lacks the key.");
  command
    .command("issue")
    .summary("make tokens with the authority's key")
    .description("Makes tokens with the authority's own key: one for peers, and one for each relay. An agent with --authority needs none of this.")
    .requiredOption("--authority-key <file>", "the authority's private key")
    .requiredOption("--issuer <text>", 'the "iss" of the token, such as https://agents.example')
    .requiredOption("--id <id>", "the agent, [realm/]name")
    .requiredOption("--public-key <file>", "the agent's public key (or its private one: only the public half is used)")
    .option("--permission <permission>", "what it may do, such as call:summarize or call:*; repeat for several", collect)
    .option("--relay <url>", "a token for this relay, too; repeat for several", collect)
    .option("--lifetime <time>", "how long they last, at most 24h (default 1h)", duration)
    .option("--out <file>", "where they go, one in a line, mode 600; - for a pipe")
    .option("--force", "replace the file if it is there")
    .addHelpText(
      "after",
      "\nExample:\n  tightbeam token issue --authority-key authority.key --issuer https://agents.example --id bob --public-key bob.pub --relay wss://relay.example --out bob.token",
    )
    .action(action<IssueOptions>(async (invocation, options) => (await import("./token/issue.js")).issue(invocation, options)));
  trustOptions(
    command
      .command("verify")
      .summary("say whether a token counts, and if not, why")
      .description("Says whether a token counts for who trusts as the options say, and if it does not, what is wrong. Exit code 4 when it does not count.")
      .argument("[file]", "a file with tokens, one in a line; - for stdin (default: TIGHTBEAM_TOKEN, or that of the profile)")
      .option("--key <file>", "the key that the token must be bound to")
      .option("--audience <text>", "the relay's origin, for a token that is for a relay (default: as the token says)")
      .option("--id <id>", "the agent that it must be of"),
  ).action(action<VerifyOptions>(async (invocation, options, file) => (await import("./token/verify.js")).verify(invocation, options, file)));
  command
    .command("inspect")
    .summary("show what a token says, without judging it")
    .description("Shows what a token says: header, claims, times, key. It is not verified, and its text is not printed.")
    .argument("[file]", "a file with tokens, one in a line; - for stdin (default: TIGHTBEAM_TOKEN, or that of the profile)")
    .option("--profile <name|file>", "a profile of tightbeam.json, of ~/.config/tightbeam, or a file")
    .action(action<InspectOptions>(async (invocation, options, file) => (await import("./token/inspect.js")).inspect(invocation, options, file)));
}
