import { createHash } from "node:crypto";

/** One call of an agent's `request`, `notify`, `publish` or `stream`. */
export interface StartedEvent {
  readonly type: "started";
  readonly operation: number;
  readonly what: "request" | "notify" | "publish" | "stream";
  /** The id it was sent to; undefined for a kind, and for topics. */
  readonly to: string | undefined;
  /** A method, or a topic. */
  readonly method: string;
  /** What the input is recognised by: `printOf` of the input. */
  readonly print: string;
  readonly priority: string;
  readonly idempotencyKey: string | undefined;
  readonly durable: boolean;
  readonly confirm: string | undefined;
  /** The instance it went to at once: there was a link with it, and with no other one of its agent. */
  readonly linked: string | undefined;
}

/** And how it ended. `error` is the code; `print` is that of a request's answer, or of a stream's output. */
export interface SettledEvent {
  readonly type: "settled";
  readonly operation: number;
  readonly error: string | undefined;
  readonly print: string | undefined;
}

/** A handler began, and ended. */
export interface HandlingEvent {
  readonly type: "handling";
  readonly call: number;
  readonly what: "method" | "stream" | "topic";
  readonly method: string;
  readonly peer: string;
  readonly peerInstance: string;
  readonly print: string;
  readonly priority: string;
  readonly idempotencyKey: string | undefined;
  /** Of a durable message: which try it is. */
  readonly attempt: number | undefined;
  /** One after the other. */
  readonly ordered?: boolean;
  /** Of an event: which call of `subscribe` it is for, and whether it was published before that was answered. */
  readonly subscription?: number;
  readonly replayed?: boolean;
}
/** `failed`: it threw, or the stream ended before it; `print` is that of a stream's output. */
export interface HandledEvent {
  readonly type: "handled";
  readonly call: number;
  readonly failed: boolean;
  readonly print?: string;
}

/** At one end of a stream something was said into it, or heard out of it. */
export interface ChunkEvent {
  readonly type: "chunk";
  readonly what: "said" | "heard";
  readonly end: "caller" | "handler";
  /** The operation at the caller, the call at the handler. */
  readonly stream: number;
  readonly print: string;
}

/** One end of a stream heard that nothing more comes: all was said, or why not. */
export interface ThroughEvent {
  readonly type: "through";
  readonly end: "caller" | "handler";
  readonly stream: number;
  readonly error: string | undefined;
}

/** A state was given to be kept: by the handler of `call` with its message's mark, or as a checkpoint. */
export interface KeepingEvent {
  readonly type: "keeping";
  readonly keep: number;
  readonly name: string;
  readonly print: string;
  readonly call: number | undefined;
  /** Of `agent.snapshots`: what becomes of it nobody is told. */
  readonly snapshot?: boolean;
}
export interface KeptEvent {
  readonly type: "kept";
  readonly keep: number;
  readonly error: string | undefined;
}

/** What `restore` gave for the newest state of a name. `print` is undefined when there was none. */
export interface RestoredEvent {
  readonly type: "restored";
  readonly name: string;
  readonly print: string | undefined;
  readonly error: string | undefined;
}

/** `createAgent` made an agent of this instance. */
export interface JoinedEvent {
  readonly type: "joined";
  readonly instance: string;
}

export interface FrameEvent {
  readonly type: "frame";
  readonly to: string;
  readonly frame: Uint8Array;
}

/** Something was written to a disk, or was asked to be. */
export interface WriteEvent {
  readonly type: "write";
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A dead letter that was there in the end. */
export interface LetterEvent {
  readonly type: "letter";
  readonly reason: string;
  readonly side: "sender" | "receiver";
  readonly peer: string;
  readonly method: string;
  readonly print: string;
}

/** What an agent said of itself: an event of `onEvent`, as text. */
export interface LogEvent {
  readonly type: "log";
  /** The event's type. */
  readonly what: string;
  readonly text: string;
}

export interface ProcessEvent {
  readonly type: "process";
  readonly what: "started" | "crashed" | "paused" | "resumed" | "failed";
  /** What its program threw. */
  readonly text?: string;
}

/** What an agent holds: so much of its budget is `used`, and that much lies in the queues and reorder buffers of its links (`held`). */
export interface MemoryEvent {
  readonly type: "memory";
  readonly used: number;
  readonly most: number;
  readonly held: number;
}

/** What an agent still has when everything has settled, by kind. */
export interface RestEvent {
  readonly type: "rest";
  readonly holds: Readonly<Record<string, number>>;
  /** Of its process: those that have not run. */
  readonly timers: number;
  /** Peers, one for each link. */
  readonly links: readonly string[];
}

/** What a program notes: for checks of one's own. */
export interface NoteEvent {
  readonly type: "note";
  readonly name: string;
  readonly value: unknown;
}

/** A fault began, or did something to a frame. */
export interface FaultEvent {
  readonly type: "fault";
  readonly fault: number;
  readonly what: string;
}

export type TraceDetail =
  | StartedEvent
  | SettledEvent
  | HandlingEvent
  | HandledEvent
  | ChunkEvent
  | ThroughEvent
  | KeepingEvent
  | KeptEvent
  | RestoredEvent
  | JoinedEvent
  | FrameEvent
  | WriteEvent
  | LetterEvent
  | LogEvent
  | ProcessEvent
  | MemoryEvent
  | RestEvent
  | NoteEvent
  | FaultEvent;

/** When (virtual ms), in which agent's which incarnation (0 is its first process), and what. */
export type TraceEvent = { readonly at: number; readonly agent: string; readonly incarnation: number } & TraceDetail;

/** A value as text, bytes too. */
export const textOf = (value: unknown): string =>
  value instanceof Uint8Array
    ? `bytes:${Buffer.from(value).toString("base64url")}`
    : (JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part)) ?? "undefined");

/** What a text is recognised by: itself, or its beginning and a digest. */
export const printOf = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 120)}#${createHash("sha256").update(text).digest("base64url")}`);

/** SHA-256 over everything, bytes included. */
export function traceHash(trace: readonly TraceEvent[]): string {
  const hash = createHash("sha256");
  const lines: string[] = [];
  const frames: Uint8Array[] = [];
  for (const event of trace) {
    const { at, agent, incarnation, ...detail } = event;
    lines.push(`${at} ${agent} ${incarnation} ${JSON.stringify(detail, withoutBytes)}`);
    if (event.type === "frame") frames.push(event.frame);
    if (event.type === "write" && event.value !== undefined) frames.push(event.value);
  }
  return hash.update(lines.join("\n")).update(Buffer.concat(frames)).digest("hex");
}

const withoutBytes = (_: string, value: unknown): unknown => (value instanceof Uint8Array ? value.length : value);
