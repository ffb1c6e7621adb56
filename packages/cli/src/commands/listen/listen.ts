import { type Agent, type Envelope, isTightbeamError, stream as streamContract } from "@tightbeam/core";
import { openAgent, type StoreOptions } from "../../agent.js";
import { usageError } from "../../command-error.js";
import { putEvent } from "../../events.js";
import type { Invocation } from "../../invocation.js";
import { shown } from "../../payload.js";
import { oneLine } from "../../printable.js";
import type { AgentSettingsOptions } from "../../settings.js";
import { ended } from "../../until.js";
import { createPrograms, type Program } from "./program.js";

export interface ListenOptions extends AgentSettingsOptions, StoreOptions {
  readonly exec?: string;
  readonly raw?: boolean;
  readonly concurrency: number;
  readonly execTimeout: number;
  readonly stream?: readonly string[];
  readonly topic?: readonly string[];
  readonly kind?: readonly string[];
  readonly policy: "everyone" | "token";
  readonly quiet?: boolean;
}

/** Until somebody ends it, or its transport is gone for good. */
export async function listen(invocation: Invocation, options: ListenOptions, args: readonly string[]): Promise<void> {
  const { output, rest, signal } = invocation;
  const { exec, raw = false, stream: streams = [], topic: topics = [], kind: kinds = [], policy, quiet = false } = options;
  if (exec === undefined && rest.length > 0) throw usageError("Behind -- stand the arguments of a program, and there is none.", "Give --exec <program>.");
  const methods = args.slice(0, args.length - rest.length);
  const program =
    exec === undefined
      ? undefined
      : createPrograms(invocation, { program: exec, args: rest, raw, concurrency: options.concurrency, timeout: options.execTimeout });
  await program?.check();
  const { agent, lost } = await openAgent(invocation, options, { kinds, ...(policy === "token" ? { policy } : {}) });
  if (!quiet) agent.onEnvelope((envelope) => print(invocation, agent, envelope, streams));
  agent.onEvent((event) => {
    if (event.type === "handler_failed" && !(isTightbeamError(event.error) && event.error.code === "no_handler"))
      output.warn("handler_failed", `${event.method} of ${event.peer}: ${event.error instanceof Error ? event.error.message : "failed"}`);
  });
  const everything = methods.length === 0 && streams.length === 0 && topics.length === 0;
  serve(agent, methods, streams, everything, program);
  for (const pattern of topics) await agent.subscribe(pattern, (event, context) => putEvent(output, event, context, false), { signal });
  await output.item(
    { type: "listening", id: agent.id, instance: agent.instance, methods, streams, topics },
    ({ bold, dim }) =>
      `${bold(agent.id)} listens to ${everything ? "whatever is asked" : [...methods, ...streams, ...topics].join(", ")} ${dim(`(instance ${agent.instance}); ctrl-c ends it`)}`,
  );
  await Promise.race([ended(signal), lost]);
}

function serve(agent: Agent, methods: readonly string[], streams: readonly string[], everything: boolean, program: Program | undefined): void {
  const answer: Parameters<Agent["fallback"]>[0] = program === undefined ? (input) => input : (input, context) => program.answer(input, context);
  for (const name of methods) agent.handle(name, answer);
  if (everything) agent.fallback(answer);
  for (const name of streams) {
    agent.handle(
      streamContract(name),
      program === undefined
        ? async function* (input, { source }) {
            for await (const chunk of source) yield chunk;
            return input;
          }
        : (input, context) => program.chunks(input, context),
    );
  }
}

function print(
  { output }: Invocation,
  agent: Agent,
  { type, from, to, id, timestamp, method = "", priority, payload, headers }: Envelope,
  streams: readonly string[],
): void {
  // What it says itself is known, and what agents tell each other on their own account is nobody's message.
  if (to !== agent.id || (type !== "request" && type !== "notification" && type !== "stream") || method === "" || method.startsWith("tb/")) return;
  const at = new Date(timestamp).toISOString();
  // Opened and refused: a ping.
  if (type === "stream" && !streams.includes(method)) return;
  output.offer(
    { type, from, method, id, at, priority, ...(headers === undefined ? {} : { headers }), input: payload ?? null },
    ({ cyan, dim }) => `${dim(at)} ${type} ${cyan(oneLine(method))} ${dim(`from ${from}`)} ${shown(payload)}`,
  );
}
