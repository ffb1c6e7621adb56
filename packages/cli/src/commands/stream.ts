import type { Command } from "commander";
import { openAgent, type StoreOptions } from "../agent.js";
import { usageError } from "../command-error.js";
import { parseInput, readInput } from "../input.js";
import type { Frame, Invocation } from "../invocation.js";
import type { Io } from "../io.js";
import { type MessageOptions, messageOptions, operationOf, type TargetOptions, targetOf, targetOptions } from "../message-options.js";
import { linesOf } from "../ndjson.js";
import { rawBytes, shown } from "../payload.js";
import { type AgentSettingsOptions, agentOptions } from "../settings.js";
import { takeStdin } from "../stdin.js";

interface StreamCommandOptions extends AgentSettingsOptions, StoreOptions, MessageOptions, TargetOptions {
  readonly raw?: boolean;
  readonly up?: boolean;
}

export function define(command: Command, { action }: Frame): void {
  command
    .usage("[options] <agent> <stream> [input]")
    .argument("[agent]", "with whom; none with --kind")
    .argument("[stream]", "its name")
    .argument("[input]", "what opens it: JSON, @file, or - for stdin")
    .description("Opens a stream and prints each chunk as a line of JSON. With --up each line of stdin is a chunk for the other side.")
    .option("--up", "lines of stdin, each a JSON value, go up; with --raw its bytes as they come")
    .option("--raw", "input and chunks are bytes as they are");
  agentOptions(targetOptions(messageOptions(command)))
    .addHelpText(
      "after",
      `\nExamples:\n  tightbeam stream alice tokens '{"prompt":"…"}'\n  seq 1 5 | tightbeam stream alice sum --up\n  tightbeam stream alice resize --raw --up < photo.jpg > small.jpg`,
    )
    .action(action(stream));
}

async function stream(invocation: Invocation, options: StreamCommandOptions, ...args: readonly (string | undefined)[]): Promise<void> {
  const { io, output, signal, later } = invocation;
  const { target, rest } = targetOf(args, options, "An agent and a stream");
  const [name, given, ...more] = rest;
  if (name === undefined) throw usageError("Which stream?", "Its name stands behind the agent; see --help.");
  if (more.some((each) => each !== undefined)) throw usageError("With --kind there is no agent: the stream stands first.");
  const raw = options.raw === true;
  const input = await readInput(io, given, raw);
  let wrong: unknown;
  const source = options.up === true ? upOf(io, raw, (error) => (wrong ??= error)) : undefined;
  const { agent, left } = await openAgent(invocation, options, { timeout: options.timeout });
  const call = agent.stream(target, name, input, { ...operationOf({ ...options, ...left }, signal), ...(source === undefined ? {} : { source }) });
  later(() => call.cancel());
  try {
    for await (const chunk of call) {
      if (raw && !output.json) await output.bytes(rawBytes(chunk));
      else await output.item({ chunk: chunk ?? null }, shown(chunk));
    }
    await call.result;
  } catch (error) {
    // A source that fails ends the stream with less than it knows.
    throw wrong ?? error;
  }
  const result = await call.result;
  if (output.json) await output.item({ output: result ?? null }, "");
  else if (result !== undefined && result !== null) output.note(`It ended with ${shown(result)}`);
}

async function* upOf(io: Io, raw: boolean, failed: (error: unknown) => void): AsyncGenerator<unknown, void, void> {
  const stdin = takeStdin(io, "what goes up");
  try {
    if (raw) for await (const chunk of stdin) yield new Uint8Array(chunk as Buffer);
    else for await (const line of linesOf(stdin, "stdin")) yield parseInput(line, "a line of stdin");
  } catch (error) {
    failed(error);
    throw error;
  }
}
