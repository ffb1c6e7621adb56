import type { Command } from "commander";
import { openAgent, type StoreOptions } from "../agent.js";
import { usageError } from "../command-error.js";
import { readInput } from "../input.js";
import type { Frame, Invocation } from "../invocation.js";
import { type MessageOptions, messageOptions, operationOf, policyOf, policyOption, type TargetOptions, targetOf, targetOptions } from "../message-options.js";
import { putReply } from "../payload.js";
import { type AgentSettingsOptions, agentOptions } from "../settings.js";

interface RequestCommandOptions extends AgentSettingsOptions, StoreOptions, MessageOptions, TargetOptions {
  readonly raw?: boolean;
  readonly policy?: "none" | "simple";
}

export function define(command: Command, { action }: Frame): void {
  command
    .usage("[options] <agent> <method> [input]")
    .argument("[agent]", "whom to ask; none with --kind")
    .argument("[method]", "what to ask for")
    .argument("[input]", "JSON, @file, or - for stdin")
    .description("Asks an agent, and prints its answer.")
    .option("--raw", "the input is bytes as they are, and so is the answer");
  messageOptions(command).addOption(policyOption());
  agentOptions(targetOptions(command));
  command
    .addHelpText("after", `\nExamples:\n  tightbeam request alice summarize '{"text":"…"}'\n  tightbeam request alice resize @photo.jpg --raw > small.jpg`)
    .action(action(request));
}

async function request(invocation: Invocation, options: RequestCommandOptions, ...args: readonly (string | undefined)[]): Promise<void> {
  const { io, output, runtime, signal } = invocation;
  const { target, rest } = targetOf(args, options, "An agent and a method");
  const [method, given, ...more] = rest;
  if (method === undefined) throw usageError("What is it asked for?", "A method stands behind the agent; see --help.");
  if (more.some((each) => each !== undefined)) throw usageError("With --kind there is no agent: the method stands first.");
  const raw = options.raw === true;
  const input = await readInput(io, given, raw);
  const { agent, left } = await openAgent(invocation, options, { timeout: options.timeout });
  const operation = { ...operationOf({ ...options, ...left }, signal), ...(await policyOf(options.policy)) };
  const began = runtime.clock.monotonic();
  const answer = await agent.request(target, method, input, operation);
  await putReply(output, raw, answer, { method, output: answer ?? null, duration: Math.round((runtime.clock.monotonic() - began) * 10) / 10 });
}
