import { type AgentLink, isTightbeamError, type LinkStatus } from "@tightbeam/core";
import type { Command } from "commander";
import { openAgent, type StoreOptions } from "../agent.js";
import type { Frame, Invocation } from "../invocation.js";
import { type TargetOptions, targetOf, targetOptions } from "../message-options.js";
import { spoken, timeOption, whole } from "../numbers.js";
import { type AgentSettingsOptions, agentOptions } from "../settings.js";
import { pause } from "../until.js";

interface PingOptions extends AgentSettingsOptions, StoreOptions, TargetOptions {
  readonly count: number;
  readonly interval: number;
  readonly timeout: number;
}

export function define(command: Command, { action }: Frame): void {
  command
    .usage("[options] <agent>")
    .argument("[agent]", "whom; none with --kind")
    .description(
      "Makes a link with an agent and measures round trips: the way there, its event loop, and back. Shows suite and key fingerprints, to compare with those of the other side.",
    )
    .option("--count <number>", "round trips", whole(1, 1_000_000), 4)
    .addOption(timeOption("--interval <time>", "between two of them", "200ms"))
    .addOption(timeOption("--timeout <time>", "for the link, and for each round trip", "10s"));
  agentOptions(targetOptions(command))
    .addHelpText(
      "after",
      "\nEach round trip opens a stream that nobody serves: what the agent shows of itself counts it as refused.\n\nExample:\n  tightbeam ping alice",
    )
    .action(action(ping));
}

const suites: Readonly<Record<number, string>> = {
  257: "X25519 + ML-KEM-768, ChaCha20-Poly1305 (post-quantum hybrid)",
  1: "X25519, ChaCha20-Poly1305 (classical)",
};

async function ping(invocation: Invocation, options: PingOptions, ...args: readonly (string | undefined)[]): Promise<void> {
  const { output, runtime, signal } = invocation;
  const { count, interval, timeout } = options;
  const { target } = targetOf(args, options, "An agent");
  const { clock } = runtime;
  const { agent, identity } = await openAgent(invocation, options);
  const began = clock.monotonic();
  const link = await agent.link(target, { timeout, signal });
  const handshake = clock.monotonic() - began;
  await output.item(
    {
      type: "link",
      handshake: tenth(handshake),
      ...factsOf(link, link.status()),
      own: { id: agent.id, instance: agent.instance, thumbprint: identity.key.thumbprint },
    },
    ({ bold, dim }) => [
      `${bold(link.peer.id)} ${dim(`(instance ${link.peer.instance})`)}: link after ${spoken(tenth(handshake))}`,
      `  suite         ${suites[link.status().suite ?? 0] ?? "unknown"}`,
      `  its key       ${link.peer.thumbprint}, issuer ${link.peer.issuer}`,
      `  our key       ${identity.key.thumbprint}`,
      `  permissions   ${link.peer.permissions.length === 0 ? "none" : link.peer.permissions.join(" ")}`,
    ],
  );
  const times: number[] = [];
  const to = { id: link.peer.id, instance: link.peer.instance };
  for (let number = 1; number <= count && !signal.aborted; number++) {
    if (number > 1) await pause(runtime, interval, signal);
    if (signal.aborted) break;
    const sent = clock.monotonic();
    // Opens a stream that nobody serves: its refusal is a round trip through the peer's event loop, and runs no handler, no fallback, no program.
    const refusal = await agent.stream(to, probe(runtime.random.bytes(6)), undefined, { timeout, signal }).result.catch((error: unknown) => error);
    if (signal.aborted) break;
    if (!answered(refusal)) throw refusal;
    const ms = tenth(clock.monotonic() - sent);
    times.push(ms);
    await output.item({ type: "round_trip", number, ms }, `  ${number}: ${spoken(ms)}`);
  }
  if (times.length === 0) return;
  const sorted = [...times].sort((a, b) => a - b);
  const summary = {
    least: sorted[0] as number,
    median: tenth(((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2),
    most: sorted.at(-1) as number,
  };
  const { epoch, generation, roundTrip } = link.status();
  await output.item(
    { type: "summary", count: times.length, ...summary, epoch: epoch ?? null, generation, smoothed: tenth(roundTrip) },
    `${times.length} round trips: ${spoken(summary.least)} at least, ${spoken(summary.median)} in the middle, ${spoken(summary.most)} at most; epoch ${epoch?.send ?? 0}/${epoch?.receive ?? 0}`,
  );
}

const probe = (random: Uint8Array): string => `ping.${Buffer.from(random).toString("hex")}`;

/** It came from the peer: that it does not serve this, or that we may not ask. */
const answered = (error: unknown): boolean => isTightbeamError(error) && (error.code === "no_handler" || error.code === "forbidden");

const tenth = (ms: number): number => Math.round(ms * 100) / 100;

const factsOf = ({ peer: { id, instance, issuer, thumbprint, permissions } }: AgentLink, { suite, generation }: LinkStatus) => ({
  peer: { id, instance, issuer, thumbprint, permissions },
  suite: suite === undefined ? null : { id: `0x${suite.toString(16).padStart(4, "0")}`, name: suites[suite] ?? "unknown" },
  generation,
});
