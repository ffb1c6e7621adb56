import type { Command } from "commander";
import { openAgent, type StoreOptions } from "../agent.js";
import { putEvent } from "../events.js";
import type { Frame, Invocation } from "../invocation.js";
import { duration, whole } from "../numbers.js";
import { type AgentSettingsOptions, agentOptions, collect } from "../settings.js";
import { ended } from "../until.js";

interface SubscribeCommandOptions extends AgentSettingsOptions, StoreOptions {
  readonly from?: readonly string[];
  readonly replay?: number;
  readonly count?: number;
  readonly timeout?: number;
  readonly ready?: number;
  readonly raw?: boolean;
}

export function define(command: Command, { action }: Frame): void {
  command
    .argument("<pattern>", "a topic, or a pattern: * is one segment, > the rest")
    .description("Prints events of a topic until ctrl-c, or until there were so many.")
    .option("--from <agent>", "only this agent's events; repeat for several", collect)
    .option("--replay <number>", "so many of a publisher's last events first, if it keeps any", whole(1, 1_024))
    .option("--count <number>", "end after so many events", whole(1, 1_000_000_000))
    .option("--ready <number>", "fail unless so many publishers answer within --timeout", whole(1, 1_024))
    .option("--timeout <time>", "how long --ready waits (default 30s)", duration)
    .option("--raw", "events are bytes as they are");
  agentOptions(command)
    .addHelpText("after", "\nExamples:\n  tightbeam subscribe 'build.>'\n  tightbeam subscribe log --from alice --count 1 --json")
    .action(action(subscribe));
}

async function subscribe(invocation: Invocation, options: SubscribeCommandOptions, pattern = ""): Promise<void> {
  const { output, signal } = invocation;
  const { from, replay, count = Number.POSITIVE_INFINITY, ready, timeout, raw = false } = options;
  const { agent, lost } = await openAgent(invocation, options);
  let enough: () => void;
  const counted = new Promise<void>((resolve) => {
    enough = resolve;
  });
  let came = 0;
  const subscription = await agent.subscribe(
    pattern,
    async (event, context) => {
      if (came >= count) return;
      came += 1;
      await putEvent(output, event, context, raw);
      if (came >= count) enough();
    },
    {
      signal,
      ...(from === undefined ? {} : { from }),
      ...(replay === undefined ? {} : { replay }),
      ...(ready === undefined ? {} : { ready }),
      ...(timeout === undefined ? {} : { timeout }),
    },
  );
  if (from === undefined && agent.status().presence.state === "refused")
    output.warn(
      "presence",
      "The relay does not let this agent take part in presence, so publishers are not found: its token needs transport:presence:<realm>, or name them with --from.",
    );
  output.note(({ dim }) => dim(`subscribed to ${pattern}; ${subscription.publishers.length} publishers so far`));
  await Promise.race([ended(signal), counted, lost]);
  await subscription.unsubscribe();
}
