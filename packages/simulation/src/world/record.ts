import { type Agent, type HandlerContext, isTightbeamError } from "@tightbeam/core";
import { printOf, type TraceDetail, textOf } from "../trace.js";

/** What the recorder needs of the simulation. */
export interface Recorder {
  /** Nothing is recorded of a process that has ended. */
  readonly record: (detail: TraceDetail) => void;
  /** Numbers that are given once. */
  readonly next: () => number;
}

/** Larger messages travel in `low` unless they say otherwise. About: text and message differ a little. */
const lowFromBytes = 256 * 1024;

type Loose = (...args: unknown[]) => unknown;

/** Has an agent tell the trace what it is asked for and what its handlers are given. It is the same agent, and does the same. */
export function recordAgent(agent: Agent, { record, next }: Recorder): Agent {
  const { request, notify, publish, handle, fallback, subscribe } = agent as unknown as Record<string, Loose>;

  const operation =
    (what: "request" | "notify" | "publish", call: Loose): Loose =>
    (...args) => {
      const [to, method, input, options] = what === "publish" ? [undefined, ...args] : args;
      const settings = (options ?? {}) as { priority?: string; idempotencyKey?: string; durable?: boolean; confirm?: string };
      const id = next();
      const text = textOf(input);
      record({
        type: "started",
        operation: id,
        what,
        to: idOf(to),
        method: nameOf(method),
        print: printOf(text),
        priority: settings.priority ?? (text.length > lowFromBytes ? "low" : "normal"),
        idempotencyKey: settings.idempotencyKey,
        durable: settings.durable === true || (method as { durable?: boolean } | undefined)?.durable === true,
        confirm: settings.confirm,
        linked: linkedWith(agent, idOf(to)),
      });
      const settled = (error: string | undefined, print: string | undefined): void => record({ type: "settled", operation: id, error, print });
      const promise = call(...args) as Promise<unknown>;
      promise.then(
        (output) => settled(undefined, what === "request" ? printOf(textOf(output)) : undefined),
        (error: unknown) => settled(isTightbeamError(error) ? error.code : "not_typed", undefined),
      );
      return promise;
    };

  const handler =
    (run: Loose): Loose =>
    (input, given) => {
      const context = given as HandlerContext;
      const call = next();
      const { peer, method, priority, idempotencyKey, delivery } = context;
      record({
        type: "handling",
        call,
        what: "method",
        method,
        peer: peer.id,
        peerInstance: peer.instance,
        print: printOf(textOf(input)),
        priority,
        idempotencyKey,
        attempt: delivery?.attempt,
      });
      const ended = (failed: boolean): void => record({ type: "handled", call, failed });
      try {
        const output = run(input, given);
        if (output instanceof Promise)
          output.then(
            () => ended(false),
            () => ended(true),
          );
        else ended(false);
        return output;
      } catch (error) {
        ended(true);
        throw error;
      }
    };

  const listener =
    (run: Loose): Loose =>
    (event, context) => {
      const { topic, peer } = context as { topic: string; peer: { id: string; instance: string } };
      const call = next();
      record({
        type: "handling",
        call,
        what: "topic",
        method: topic,
        peer: peer.id,
        peerInstance: peer.instance,
        print: printOf(textOf(event)),
        priority: "normal",
        idempotencyKey: undefined,
        attempt: undefined,
      });
      return run(event, context);
    };

  const isStream = (contract: unknown): boolean => (contract as { kind?: string }).kind === "stream";
  agent.onEvent((event) => record({ type: "log", what: event.type, text: printEvent(event) }));
  return Object.assign(agent, {
    request: operation("request", request as Loose),
    notify: operation("notify", notify as Loose),
    publish: operation("publish", publish as Loose),
    handle: ((contract, run, options) => (handle as Loose)(contract, isStream(contract) ? run : handler(run as Loose), options)) as Loose,
    fallback: ((run) => (fallback as Loose)(handler(run as Loose))) as Loose,
    subscribe: ((topic, run, options) => (subscribe as Loose)(topic, listener(run as Loose), options)) as Loose,
  });
}

function linkedWith(agent: Agent, to: string | undefined): string | undefined {
  const links = to === undefined ? [] : agent.links(to);
  return links.length === 1 && links[0]?.state === "up" ? links[0].peer.instance : undefined;
}

const nameOf = (method: unknown): string => (typeof method === "string" ? method : ((method as { name?: string } | undefined)?.name ?? ""));
const idOf = (target: unknown): string | undefined => (typeof target === "string" ? target : (target as { id?: string } | undefined)?.id);

/** An event as a log would have it: errors with code, message and causes, links by their peers. */
function printEvent(event: object): string {
  return JSON.stringify(event, (_, value: unknown) => {
    if (value instanceof Error) return { name: value.name, code: (value as { code?: unknown }).code, message: value.message, cause: value.cause };
    if (typeof value === "object" && value !== null && "budget" in value && "peer" in value) return `link with ${(value as { peer: { id: string } }).peer.id}`;
    return value instanceof Uint8Array ? `${value.length} bytes` : value;
  });
}
