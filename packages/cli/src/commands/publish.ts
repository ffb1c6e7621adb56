import type { Agent } from "@tightbeam/core";
import type { Command } from "commander";
import { openAgent, type StoreOptions } from "../agent.js";
import { CommandError, usageError } from "../command-error.js";
import { exitCodes } from "../exit-codes.js";
import { parseInput, readInput } from "../input.js";
import type { Frame, Invocation } from "../invocation.js";
import { type MessageOptions, messageOptions, operationOf } from "../message-options.js";
import { linesOf } from "../ndjson.js";
import { spoken, timeOption, whole } from "../numbers.js";
import { type AgentSettingsOptions, agentOptions } from "../settings.js";
import { takeStdin } from "../stdin.js";

interface PublishOptions extends AgentSettingsOptions, StoreOptions, MessageOptions {
  readonly raw?: boolean;
  readonly lines?: boolean;
  readonly subscribers: number;
  readonly wait: number;
}

export function define(command: Command, { action }: Frame): void {
  command
    .argument("<topic>", "such as build.finished")
    .argument("[event]", "JSON, @file, or - for stdin")
    .description("Publishes an event, or each line of stdin. It first waits until somebody subscribed: what nobody hears is gone.")
    .option("--lines", "each line of stdin is an event")
    .option("--raw", "the event is bytes as they are")
    .option("--subscribers <number>", "how many to wait for; 0 publishes at once, to nobody perhaps", whole(0, 10_000), 1)
    .addOption(timeOption("--wait <time>", "how long to wait for them", "15s"));
  agentOptions(messageOptions(command, "each event, once it is published (--wait is for subscribers)"))
    .addHelpText("after", `\nExamples:\n  tightbeam publish build.finished '{"commit":"1a2b3c"}'\n  tail -f log.ndjson | tightbeam publish log --lines`)
    .action(action(publish));
}

async function publish(invocation: Invocation, options: PublishOptions, topic = "", given: string | undefined): Promise<void> {
  const { io, output, signal } = invocation;
  const { lines = false, raw = false, subscribers, wait } = options;
  if (lines && given !== undefined) throw usageError("With --lines events come from stdin, and none stands on the command line.");
  if (lines && raw) throw usageError("--lines are JSON, --raw is bytes: one of the two.");
  const event = lines ? undefined : await readInput(io, given, raw);
  const { agent } = await openAgent(invocation, options);
  agent.publishes(topic);
  await heard(invocation, agent, topic, subscribers, wait);
  const operation = operationOf(options, signal);
  let published = 0;
  if (lines) {
    const progress = output.progress("published");
    try {
      for await (const line of linesOf(takeStdin(io, "the events"), "stdin")) {
        if (signal.aborted) break;
        await agent.publish(topic, parseInput(line, "a line of stdin"), operation);
        progress.update(++published);
      }
    } catch (error) {
      // Asked to end, it takes no more lines.
      if (!signal.aborted) throw error;
    }
    progress.end();
  } else {
    await agent.publish(topic, event, operation);
    published = 1;
  }
  const to = agent.subscribers(topic).map(({ id, instance }) => ({ id, instance }));
  await output.result(
    { topic, published, subscribers: to },
    `Published ${published === 1 ? "an event" : `${published} events`} of ${topic} to ${to.length === 1 ? "1 subscriber" : `${to.length} subscribers`}.`,
  );
}

/** Resolves when so many have subscribed. Rejects when it took too long, and when the signal fires. */
function heard({ runtime, signal, output }: Invocation, agent: Agent, topic: string, subscribers: number, wait: number): Promise<void> {
  if (agent.subscribers(topic).length >= subscribers) return Promise.resolve();
  output.note(`Waiting for ${subscribers === 1 ? "a subscriber" : `${subscribers} subscribers`} of ${topic} …`);
  return new Promise((resolve, reject) => {
    const end = (error?: Error) => {
      late();
      stop();
      if (error === undefined) resolve();
      else reject(error);
    };
    const stop = agent.onEvent(({ type }) => {
      if (type === "subscriber" && agent.subscribers(topic).length >= subscribers) end();
    });
    const late = runtime.timers.after(wait, () =>
      end(
        new CommandError(
          "no_answer",
          exitCodes.noAnswer,
          `${agent.subscribers(topic).length} of ${subscribers} subscribed to ${topic} within ${spoken(wait)}; nothing was published.`,
          agent.status().presence.state === "refused"
            ? "The relay does not let this agent take part in presence, so nobody finds it: its token needs transport:presence:<realm>."
            : "Is a subscriber running, in the same realm and at the same relay? `--subscribers 0` publishes without one; --wait waits longer.",
        ),
      ),
    );
    const stopped = () => end(new Error("It was asked to end."));
    if (signal.aborted) stopped();
    else signal.addEventListener("abort", stopped, { once: true });
  });
}
