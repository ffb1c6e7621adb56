import type { Agent, EventContext, HandlerContext, StreamCall } from "@tightbeam/core";
import { printOf, textOf } from "../trace.js";
import { codeOf, recordCommits, recordStates } from "./record-states.js";
import { recordCall, recordReading, recordSaying, recordSource } from "./record-streams.js";
import type { Loose, Recorder } from "./recorder.js";

/** Larger messages travel in `low` unless they say otherwise. About: text and message differ a little. */
const lowFromBytes = 256 * 1024;

/** Has an agent tell the trace what it is asked for and what its handlers are given. It is the same agent, and does the same. */
export function recordAgent(agent: Agent, recorder: Recorder): Agent {
  const { record, next } = recorder;
  const { request, notify, publish, stream, handle, fallback, subscribe } = agent as unknown as Record<string, Loose>;

  const begin = (what: "request" | "notify" | "publish" | "stream", [to, method, input, options]: readonly unknown[]): number => {
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
    return id;
  };

  const operation =
    (what: "request" | "notify" | "publish", call: Loose): Loose =>
    (...args) => {
      const id = begin(what, what === "publish" ? [undefined, ...args] : args);
      const settled = (error: string | undefined, print: string | undefined): void => record({ type: "settled", operation: id, error, print });
      const promise = call(...args) as Promise<unknown>;
      promise.then(
        (output) => settled(undefined, what === "request" ? printOf(textOf(output)) : undefined),
        (error: unknown) => settled(codeOf(error), undefined),
      );
      return promise;
    };

  const opening: Loose = (to, contract, input, options) => {
    // Of what goes to all of a kind there is no one that it could be told of.
    if ((to as { readonly strategy?: string } | undefined)?.strategy === "broadcast") return (stream as Loose)(to, contract, input, options);
    const id = begin("stream", [to, contract, input, options]);
    const source = (options as { source?: AsyncIterable<unknown> } | undefined)?.source;
    const given = source === undefined ? options : { ...(options as object), source: recordSource(source, id, recorder) };
    return recordCall((stream as Loose)(to, contract, input, given) as StreamCall, id, recorder);
  };

  const handlingOf = (what: "method" | "stream", input: unknown, context: HandlerContext, ordered: boolean): number => {
    const { peer, method, priority, idempotencyKey, delivery } = context;
    const call = next();
    record({
      type: "handling",
      call,
      what,
      method,
      peer: peer.id,
      peerInstance: peer.instance,
      print: printOf(textOf(input)),
      priority,
      idempotencyKey,
      attempt: delivery?.attempt,
      ordered,
    });
    return call;
  };

  const streamHandler =
    (run: Loose): Loose =>
    (input, given) => {
      const context = given as HandlerContext;
      const call = handlingOf("stream", input, context, false);
      let told = false;
      const over = (failed: boolean, output?: unknown): void => {
        if (told) return;
        told = true;
        record({ type: "handled", call, failed, ...(failed ? {} : { print: printOf(textOf(output)) }) });
      };
      try {
        return recordSaying(run(input, recordReading(context, call, recorder)), call, recorder, over);
      } catch (error) {
        over(true);
        throw error;
      }
    };

  const handler =
    (run: Loose, ordered = false): Loose =>
    (input, given) => {
      const context = given as HandlerContext;
      const call = handlingOf("method", input, context, ordered);
      const told = context.delivery === undefined ? context : recordCommits(context, call, recorder);
      return watched(run, [input, told], (failed) => record({ type: "handled", call, failed }));
    };

  const listener = (run: Loose): Loose => {
    const subscription = next();
    return (event, context) => {
      const { topic, peer, priority, replayed } = context as EventContext;
      const call = next();
      record({
        type: "handling",
        call,
        what: "topic",
        method: topic,
        peer: peer.id,
        peerInstance: peer.instance,
        print: printOf(textOf(event)),
        priority,
        idempotencyKey: undefined,
        attempt: undefined,
        subscription,
        replayed,
      });
      return watched(run, [event, context], (failed) => record({ type: "handled", call, failed }));
    };
  };

  const isOrdered = (options: unknown): boolean => (options as { readonly ordered?: boolean } | undefined)?.ordered === true;
  const isStream = (contract: unknown): boolean => (contract as { kind?: string }).kind === "stream";
  agent.onEvent((event) => record({ type: "log", what: event.type, text: printEvent(event) }));
  return Object.assign(agent, {
    request: operation("request", request as Loose),
    notify: operation("notify", notify as Loose),
    publish: operation("publish", publish as Loose),
    stream: opening,
    ...recordStates(agent as unknown as Record<string, Loose>, recorder),
    handle: ((contract, run, options) =>
      (handle as Loose)(contract, isStream(contract) ? streamHandler(run as Loose) : handler(run as Loose, isOrdered(options)), options)) as Loose,
    fallback: ((run) => (fallback as Loose)(handler(run as Loose))) as Loose,
    subscribe: ((topic, run, options) => (subscribe as Loose)(topic, listener(run as Loose), options)) as Loose,
  });
}

/** Calls a handler, and says when it has settled. */
function watched(run: Loose, given: readonly unknown[], ended: (failed: boolean) => void): unknown {
  try {
    const output = run(...given);
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
