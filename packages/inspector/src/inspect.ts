import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import { type AwaitUsing, awaitUsing } from "@tightbeam/core/transport";
import { createFeed } from "./feed/create-feed.js";
import { checkOptions, wrong } from "./options.js";
import { startServer } from "./server/server.js";
import { type InspectedAgent, localSource } from "./source/local.js";
import type { Reveal } from "./source/payloads.js";
import { fromTraceStore, type InspectedTraces } from "./source/trace-store.js";
import type { InspectionSource } from "./source/types.js";

export interface InspectOptions {
  /** Default: one that is free. */
  readonly port?: number | undefined;
  /** Where it listens. Default 127.0.0.1. Anything that others can reach needs `allowNetwork`. */
  readonly host?: string | undefined;
  /**
   * Where others open the page. Host names, without a port, when `host` is not this machine alone: what they see and do, and the token, then travels
   * as plain HTTP. Origins such as `https://inspect.example` of a proxy with TLS in front, which passes the Host on: then `host` may stay what it is.
   */
  readonly allowNetwork?: readonly string[] | undefined;
  /** Whether dead letters can be replayed and discarded from the page. Default false. */
  readonly allowActions?: boolean | undefined;
  /** What may be seen of the payloads of these agents. Default: nothing. Of agents elsewhere their own owners decide. */
  readonly reveal?: Reveal | undefined;
  /** A trace store that watches these agents. Default: traces are put together from the last messages. */
  readonly traces?: InspectedTraces | undefined;
  readonly runtime?: Runtime | undefined;
}

export interface Inspector extends AwaitUsing {
  /** To be opened in a browser. The token is in its fragment, which browsers send to nobody. */
  readonly url: string;
  /** 64 hexadecimal characters, new for each start: whoever has it sees what the page sees. */
  readonly token: string;
  /** Ends the pages and what they see. The agents go on. Idempotent, never rejects. */
  close(): Promise<void>;
}

/**
 * Shows what agents do in a page on this machine: agents of this process, and others through `remoteSource`. Rejects `invalid_argument`,
 * `unavailable` when the port is taken.
 */
export async function inspect(agents: Inspected | readonly Inspected[], options: InspectOptions = {}): Promise<Inspector> {
  checkOptions("inspect", options, ["port", "host", "allowNetwork", "allowActions", "reveal", "traces", "runtime"]);
  const { port, host, allowNetwork, allowActions = false, reveal, traces, runtime = systemRuntime() } = options;
  const list = Array.isArray(agents) ? (agents as readonly Inspected[]) : [agents as Inspected];
  if (list.length === 0 || !list.every(isInspected)) throw wrong("inspect: give it an agent, what remoteSource returned, or a list of those.");
  if (new Set(list).size < list.length) throw wrong("inspect: the same agent is there twice.");
  const sources = list.map((each) => (isSource(each) ? each : localSource(each, { actions: allowActions, reveal, runtime })));
  const feed = createFeed({ sources, runtime, actions: allowActions, traces: traces === undefined ? undefined : fromTraceStore(traces) });
  const server = await startServer({
    feed,
    runtime,
    allowActions,
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(allowNetwork === undefined ? {} : { allowNetwork }),
  }).catch((error: unknown) => {
    feed.close();
    throw error;
  });
  let closing: Promise<void> | undefined;
  return awaitUsing<Inspector>({
    url: server.url,
    token: server.token,
    close() {
      closing ??= server.close().finally(feed.close);
      return closing;
    },
  });
}

export type Inspected = InspectedAgent | InspectionSource;

const isSource = (each: Inspected): each is InspectionSource => "take" in each;
const isInspected = (each: unknown): boolean => typeof each === "object" && each !== null && ("take" in each || "telemetry" in each);
