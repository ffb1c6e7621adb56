import { apiFailure, Failure, kindOf } from "./failure.js";
import type { Layout } from "./layout.js";
import type { Wire } from "./wire.js";

/** JetStream's API for one stream: requests with JSON, as docs.nats.io describes them. */
export interface JetStream {
  /** Stores a message, or rejects. Resolves with its number. */
  publish(subject: string, body: Uint8Array, place: Place): Promise<number>;
  info(): Promise<StreamInfo>;
  /** What messages there are of, the first 100,000. */
  subjects(): Promise<string[]>;
  create(config: StreamConfig): Promise<StreamInfo>;
  /** The bytes of a message, from any replica. */
  read(sequence: number): Promise<Uint8Array>;
  /** A message as the stream's leader has it. Rejects `none`. */
  message(query: { readonly seq: number } | { readonly last_by_subj: string }): Promise<StoredMessage>;
  /** Removes one message. Done again, it does nothing. */
  remove(sequence: number): Promise<void>;
  /** Removes the messages of these subjects up to and with `last`. */
  purge(filter: string, last: number): Promise<void>;
  /** A consumer that the server forgets by itself. Resolves with its name and how many messages it has. */
  consumer(filter: string, from: number, headersOnly: boolean): Promise<{ readonly name: string; readonly pending: number }>;
  next(consumer: string, count: number): Promise<Delivery[]>;
}

/** Where a message is to stand, or not at all. */
export interface Place {
  /** Its own id, never used before. */
  readonly id: string;
  /** The number of the stream's last message. */
  readonly after: number;
  /** The id of that message: another of the same number is none. */
  readonly afterId?: string | undefined;
}

export interface StreamConfig {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly storage: string;
  readonly num_replicas: number;
  readonly max_bytes: number;
  readonly [other: string]: unknown;
}

export interface StreamInfo {
  readonly config: StreamConfig;
  readonly messages: number;
  readonly bytes: number;
  /** The number of the last message that was ever there. */
  readonly last: number;
}

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly headers: string;
}

export interface Delivery {
  readonly subject: string;
  readonly sequence: number;
  readonly body: Uint8Array;
}

type Json = Record<string, unknown>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function createJetStream(wire: Wire, { stream, all }: Layout): JetStream {
  const call = async (name: string, body: Json): Promise<Json> => {
    const { data } = await wire.request(`$JS.API.${name}`, encoder.encode(JSON.stringify(body)));
    const answer = parse(data);
    if (answer.error !== undefined) throw apiFailure(answer.error);
    return answer;
  };
  const message: JetStream["message"] = async (query) => {
    const { subject, seq, data, hdrs } = object((await call(`STREAM.MSG.GET.${stream}`, query)).message);
    if (typeof subject !== "string") throw strange();
    return { subject, sequence: whole(seq), body: base64(data), headers: decoder.decode(base64(hdrs)) };
  };

  return {
    async publish(subject, body, { id, after, afterId }) {
      const expected = { "Nats-Expected-Last-Sequence": String(after), ...(afterId === undefined ? {} : { "Nats-Expected-Last-Msg-Id": afterId }) };
      const { data } = await wire.request(subject, body, { ...expected, [idHeader]: id });
      const answer = parse(data);
      if (answer.error !== undefined) throw apiFailure(answer.error);
      if (answer.stream !== stream || answer.seq !== after + 1) throw new Failure("refused", "another stream took the message");
      return after + 1;
    },
    info: async () => infoOf(await call(`STREAM.INFO.${stream}`, {})),
    async subjects() {
      const { state } = await call(`STREAM.INFO.${stream}`, { subjects_filter: all });
      return Object.keys(object(object(state).subjects ?? {}));
    },
    create: async (config) => infoOf(await call(`STREAM.CREATE.${stream}`, config)),
    async read(sequence) {
      const { data, headers } = await wire.request(`$JS.API.DIRECT.GET.${stream}`, encoder.encode(JSON.stringify({ seq: sequence })));
      if ((headers?.code ?? 0) < 400) return data;
      // A replica that is behind does not have it yet; the leader knows.
      return (await message({ seq: sequence })).body;
    },
    message,
    async remove(sequence) {
      await call(`STREAM.MSG.DELETE.${stream}`, { seq: sequence, no_erase: true }).catch((error: unknown) => {
        if (kindOf(error) !== "none") throw error;
      });
    },
    async purge(filter, last) {
      await call(`STREAM.PURGE.${stream}`, { filter, seq: last + 1 });
    },
    async consumer(filter, from, headersOnly) {
      const start = from > 1 ? { deliver_policy: "by_start_sequence", opt_start_seq: from } : { deliver_policy: "all" };
      const answer = await call(`CONSUMER.CREATE.${stream}`, {
        stream_name: stream,
        config: {
          ...start,
          ack_policy: "none",
          replay_policy: "instant",
          filter_subject: filter,
          headers_only: headersOnly,
          inactive_threshold: consumerIdleNs,
          mem_storage: true,
        },
      });
      if (typeof answer.name !== "string" || !/^[A-Za-z0-9_-]{1,64}$/.test(answer.name)) throw strange();
      return { name: answer.name, pending: whole(answer.num_pending) };
    },
    async next(consumer, count) {
      const replies = await wire.requestMany(
        `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
        encoder.encode(JSON.stringify({ batch: count, no_wait: true })),
        count,
      );
      return replies.map(({ subject, reply, data }) => ({ subject, sequence: sequenceIn(reply ?? ""), body: data }));
    },
  };
}

export const idHeader = "Nats-Msg-Id";

const consumerIdleNs = 30_000_000_000;

const strange = (): Failure => new Failure("refused", "the answer is none of JetStream's");

function parse(data: Uint8Array): Json {
  try {
    return object(JSON.parse(decoder.decode(data)));
  } catch {
    throw strange();
  }
}

function object(value: unknown): Json {
  if (typeof value !== "object" || value === null) throw strange();
  return value as Json;
}

function whole(value: unknown): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw strange();
  return value;
}

function infoOf(answer: Json): StreamInfo {
  const state = object(answer.state);
  return { config: object(answer.config) as StreamConfig, messages: whole(state.messages), bytes: whole(state.bytes), last: whole(state.last_seq) };
}

/** `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>...`, with domain and account before the stream since 2.10. */
function sequenceIn(reply: string): number {
  const tokens = reply.split(".");
  return whole(Number(tokens[tokens.length > 9 ? 7 : 5]));
}

function base64(value: unknown): Uint8Array {
  if (value === undefined || value === null) return new Uint8Array(0);
  if (typeof value !== "string") throw strange();
  try {
    return Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
  } catch {
    throw strange();
  }
}
