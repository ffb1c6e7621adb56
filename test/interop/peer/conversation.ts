import { type Envelope, type EnvelopeType, isIntake, json, parseJson, readEnvelope, type WireError, writeEnvelope } from "./envelope.js";
import type { Message } from "./incoming.js";
import type { PeerLink } from "./link.js";
import type { Done } from "./records.js";
import { createStreams, type Stream, type StreamHandler } from "./streams.js";

/** docs/protocol.md, section 7: requests, their answers, notifications and streams on one link. */

export type Handler = (input: unknown, envelope: Envelope) => unknown;

export interface ConversationOptions {
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly streamHandlers: ReadonlyMap<string, StreamHandler>;
  now(): number;
  /** 32 hexadecimal digits. */
  uuid(): string;
}

export interface Conversation {
  request(method: string, input: unknown, options?: { priority?: number; ttl?: number }): Promise<unknown>;
  notify(method: string, input: unknown): void;
  /** Settles with DONE's outcome. */
  notifyAndHear(method: string, input: unknown): Promise<number>;
  stream(method: string, input: unknown, window: number): Stream;
  receive(message: Message): void;
  done(done: Done): void;
  end(code: string): void;
}

/** An error of the peer, with its code. */
export class PeerError extends Error {
  readonly code: string;
  constructor({ code, message }: WireError) {
    super(message);
    this.code = code;
  }
}

const normal = 2;
const large = 262_144;

export function createConversation(link: PeerLink, { handlers, streamHandlers, now, uuid }: ConversationOptions): Conversation {
  const calls = new Map<string, { resolve(value: unknown): void; reject(error: Error): void }>();
  const dones = new Map<string, (outcome: number) => void>();

  function send(type: EnvelopeType, fields: Partial<Envelope>, options: { wantsDone?: boolean; onLast?: (last: string) => void } = {}): string {
    const id = fields.id ?? uuid();
    const envelope: Envelope = { type, id, timestamp: now(), priority: normal, ...fields };
    const bytes = writeEnvelope(envelope);
    const lane = envelope.priority === normal && bytes.length > large ? 3 : envelope.priority;
    const { wantsDone = false, onLast } = options;
    link.outgoing.push(bytes, { lane, intake: isIntake(type), wantsDone, ...(onLast && { onLast: ({ sequence }) => onLast(`${lane} ${sequence}`) }) });
    link.pump();
    return id;
  }

  const streams = createStreams({
    handlers: streamHandlers,
    open: (fields) => void send("stream", fields),
    say(bytes, lane) {
      link.outgoing.push(bytes, { lane, intake: false, wantsDone: false });
      link.pump();
    },
  });

  async function answer(envelope: Envelope, message: Message): Promise<void> {
    const { id, name = "", priority, type, payload } = envelope;
    const handler = handlers.get(name);
    let outcome = handler === undefined ? 2 : 0;
    try {
      if (handler === undefined) throw new PeerError({ code: "no_handler", message: `There is no handler for ${name}.`, id: "none" });
      const output = await handler(parseJson(payload), envelope);
      if (type === "request") send("response", { correlationId: id, priority, ...(output === undefined ? {} : { payload: json(output) }) });
    } catch (error) {
      const known = error instanceof PeerError ? error : new PeerError({ code: "handler_failed", message: "The handler failed.", id: "" });
      if (type === "request") send("error", { correlationId: id, priority, error: { code: known.code, message: known.message, id: "e-1" } });
      if (outcome === 0) outcome = 1;
    }
    if (message.wantsDone) link.outgoing.pushDone({ lane: message.lane, sequence: message.sequence }, outcome);
    link.giveBack(message);
    link.pump();
  }

  return {
    request: (method, input, { priority = normal, ttl = 60_000 } = {}) =>
      new Promise((resolve, reject) => {
        const id = uuid();
        calls.set(id, { resolve, reject });
        send("request", { id, name: method, priority, ttl, payload: json(input) });
      }),
    notify: (method, input) => void send("notification", { name: method, payload: json(input) }),
    notifyAndHear: (method, input) =>
      new Promise((resolve) => {
        send("notification", { name: method, payload: json(input) }, { wantsDone: true, onLast: (last) => dones.set(last, resolve) });
      }),
    stream: (method, input, window) => streams.open(method, json(input), window),
    receive(message) {
      if (message.bytes[0] === 0x17) return streams.part(message.bytes, message.lane);
      const envelope = readEnvelope(message.bytes);
      if (isIntake(envelope.type) !== message.intake) throw new Error("intake does not fit the type");
      if (envelope.type === "response" || envelope.type === "error") {
        const call = calls.get(envelope.correlationId ?? "");
        calls.delete(envelope.correlationId ?? "");
        if (envelope.error !== undefined) call?.reject(new PeerError(envelope.error));
        else call?.resolve(parseJson(envelope.payload));
      } else if (envelope.type === "stream") {
        streams.opened(envelope, message.lane);
        link.giveBack(message);
      } else if (envelope.type === "event") link.giveBack(message);
      else void answer(envelope, message);
    },
    done({ of, outcome }) {
      const key = `${of.lane} ${of.sequence}`;
      dones.get(key)?.(outcome);
      dones.delete(key);
    },
    end(code) {
      for (const { reject } of calls.values()) reject(new PeerError({ code: "delivery_unknown", message: `The link ended: ${code}.`, id: "none" }));
      calls.clear();
    },
  };
}
