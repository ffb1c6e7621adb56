import type { Command } from "commander";
import type { Frame } from "../invocation.js";
import { duration, whole } from "../numbers.js";
import { collect } from "../settings.js";
import type { AuthorityOptions } from "./authority/serve.js";

export function define(command: Command, { action }: Frame): void {
  command
    .description(
      "Serves POST /token, where agents exchange a credential for a token, and GET /jwks, where everybody finds the keys that sign them. Prints who gets tokens and who does not.",
    )
    .requiredOption("--key <file>", "the key that signs tokens: made on the first start, mode 600, and the same from then on")
    .option("--enrol <id=file>", "whoever holds the secret in this file may be this agent, or with a last / any of this realm; repeat for several", collect)
    .option("--permission <permission>", "what those agents may do, such as call:summarize or call:*; repeat for several", collect)
    .option("--credentials <file>", "more of them, with OIDC providers and SPIFFE trust domains, as JSON: see docs/cli.md")
    .option("--port <number>", "where to listen; 0 for any free port", whole(0, 65_535), 8788)
    .option("--host <address>", "anything but loopback needs --url", "127.0.0.1")
    .option("--url <url>", "the token endpoint as agents dial it, such as https://agents.example/token (default: http on loopback)")
    .option("--issuer <text>", 'the "iss" of its tokens (default: the origin of the URL)')
    .option("--lifetime <time>", "how long tokens last, at most 24h (default 1h)", duration)
    .addHelpText(
      "after",
      "\nExample:\n  tightbeam keygen --secret --out bob.secret\n  tightbeam authority --key authority.key --enrol bob=bob.secret --permission 'call:*'\n\nBehind it belongs a proxy with TLS, unless it is on loopback.",
    )
    .action(action<AuthorityOptions>(async (invocation, options) => (await import("./authority/serve.js")).serve(invocation, options)));
}
