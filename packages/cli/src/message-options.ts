import type { Priority, RequestOptions, Target } from "@tightbeam/core";
import { type Command, Option } from "commander";
import { usageError } from "./command-error.js";
import { duration } from "./numbers.js";
import { collect } from "./settings.js";

export interface MessageOptions {
  readonly timeout?: number;
  readonly priority?: Priority;
  readonly ttl?: number;
  readonly idempotencyKey?: string;
  readonly header?: readonly string[];
}

/** What every message takes. */
export function messageOptions(command: Command, timeoutOf = "everything together"): Command {
  return command
    .optionsGroup("Message:")
    .option("--timeout <time>", `for ${timeoutOf}, such as 500ms, 30s, 5m (default 30s)`, duration)
    .addOption(new Option("--priority <priority>", "which lane it takes").choices(["critical", "high", "normal", "low"]))
    .option("--ttl <time>", "after this time the receiver must not begin with it", duration)
    .option("--idempotency-key <key>", "the same key means the same operation: safe to repeat")
    .option("--header <name=value>", "repeat for several", collect);
}

export interface TargetOptions {
  readonly instance?: string;
  readonly kind?: string;
  readonly strategy?: "direct" | "round-robin" | "least-loaded" | "random";
}

export function targetOptions(command: Command): Command {
  return command
    .optionsGroup("Whom:")
    .option("--instance <instance>", "this one process of the agent")
    .option("--kind <kind>", "in place of an agent: one that serves this kind")
    .addOption(new Option("--strategy <strategy>", "which of a kind").choices(["direct", "round-robin", "least-loaded", "random"]));
}

const agentId = /^(?:[\w-]{1,64}\/)?[\w-]{1,64}$/;

/** With `--kind` no agent stands before the rest. */
export function targetOf(
  args: readonly (string | undefined)[],
  { instance, kind, strategy }: TargetOptions,
  wanted: string,
): { readonly target: Target; readonly rest: readonly (string | undefined)[] } {
  if (kind !== undefined) {
    if (instance !== undefined) throw usageError("--kind and --instance name two different targets.");
    return { target: { kind, ...(strategy === undefined ? {} : { strategy }) }, rest: args };
  }
  if (strategy !== undefined) throw usageError("--strategy chooses among agents of a kind: give --kind.");
  const [id, ...rest] = args;
  if (id === undefined) throw usageError("Whom is it for?", `${wanted} must stand behind the command; see --help.`);
  if (!agentId.test(id)) throw usageError(`'${id.slice(0, 130)}' is no agent id.`, "An agent id is [realm/]name, each part 1 to 64 of A-Z a-z 0-9 _ -.");
  if (instance !== undefined && !/^[\w-]{22}$/.test(instance))
    throw usageError("--instance is 22 characters, as `tightbeam listen` and `tightbeam ping` show it.");
  return { target: instance === undefined ? id : { id, instance }, rest };
}

export function operationOf({ timeout, priority, ttl, idempotencyKey, header }: MessageOptions, signal: AbortSignal): RequestOptions {
  return {
    signal,
    ...(timeout === undefined ? {} : { timeout }),
    ...(priority === undefined ? {} : { priority }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(header === undefined ? {} : { headers: headersOf(header) }),
  };
}

function headersOf(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((each) => {
      const at = each.indexOf("=");
      if (at < 1) throw usageError("A header looks like name=value.");
      return [each.slice(0, at), each.slice(at + 1)];
    }),
  );
}

/** Retries and a breaker, with their defaults. */
export async function policyOf(name: "none" | "simple" | undefined): Promise<Pick<RequestOptions, "policy">> {
  if (name !== "simple") return {};
  const { breaker, policy, retry } = await import("@tightbeam/core/resilience");
  return { policy: policy(retry(), breaker()) };
}

export const policyOption = (): Option =>
  new Option("--policy <policy>", "simple: try again what may be tried again, and stop where it is hopeless").choices(["none", "simple"]);
