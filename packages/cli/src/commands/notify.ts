import type { NotifyOptions } from "@tightbeam/core";
import { type Command, Option } from "commander";
import { openAgent, type StoreOptions } from "../agent.js";
import { usageError } from "../command-error.js";
import { readInput } from "../input.js";
import type { Frame, Invocation } from "../invocation.js";
import { type MessageOptions, messageOptions, operationOf, policyOf, policyOption, type TargetOptions, targetOf, targetOptions } from "../message-options.js";
import { type AgentSettingsOptions, agentOptions, storeOptions } from "../settings.js";

interface NotifyCommandOptions extends AgentSettingsOptions, StoreOptions, MessageOptions, TargetOptions {
  readonly raw?: boolean;
  readonly policy?: "none" | "simple";
  readonly confirm: "sent" | "received" | "done";
  readonly durable?: boolean;
}

export function define(command: Command, { action }: Frame): void {
  command
    .usage("[options] <agent> <method> [input]")
    .argument("[agent]", "whom to tell; none with --kind")
    .argument("[method]", "what it is about")
    .argument("[input]", "JSON, @file, or - for stdin")
    .description("Tells an agent something; there is no answer.")
    .option("--raw", "the input is bytes as they are")
    .addOption(
      new Option("--confirm <when>", "what to wait for: sent, in the peer's memory, or its handler is done")
        .choices(["sent", "received", "done"])
        .default("received"),
    )
    .option("--durable", "keep it in the store until the peer has handled it; needs --store");
  messageOptions(command).addOption(policyOption());
  storeOptions(agentOptions(targetOptions(command)));
  command
    .addHelpText(
      "after",
      `\nExamples:\n  tightbeam notify alice index '{"page":7}'\n  tightbeam notify alice index @page.json --durable --store ./state --store-key-file store.key --confirm done`,
    )
    .action(action(notify));
}

async function notify(invocation: Invocation, options: NotifyCommandOptions, ...args: readonly (string | undefined)[]): Promise<void> {
  const { io, output, signal } = invocation;
  const { target, rest } = targetOf(args, options, "An agent and a method");
  const [method, given, ...more] = rest;
  if (method === undefined) throw usageError("What is it told?", "A method stands behind the agent; see --help.");
  if (more.some((each) => each !== undefined)) throw usageError("With --kind there is no agent: the method stands first.");
  const durable = options.durable === true;
  const input = await readInput(io, given, options.raw === true);
  const { agent, left } = await openAgent(invocation, options, { needsStore: durable, timeout: options.timeout });
  const operation: NotifyOptions = {
    ...operationOf({ ...options, ...left }, signal),
    ...(durable ? { durable } : await policyOf(options.policy)),
    ...(options.confirm === "sent" ? {} : { confirm: options.confirm }),
  };
  await agent.notify(target, method, input, operation);
  const told = { sent: durable ? "It is in the store." : "It is on its way.", received: "The peer has it.", done: "The peer has handled it." }[options.confirm];
  await output.result({ method, confirmed: options.confirm, durable }, told);
}
