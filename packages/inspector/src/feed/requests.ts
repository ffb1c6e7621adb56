import type { ErrorCode, MessageStage, Priority } from "@tightbeam/core";

/**
 * What the page may ask, by name. Reads are `GET /api/<name>?<fields>`, actions are `POST /api/<name>` with the fields as JSON; the answer is
 * JSON. A refusal has a status of 400 and above and is a `FeedFailure`.
 */
export interface FeedRequests {
  readonly letters: { readonly fields: LettersQuery; readonly answer: LettersPage };
  readonly letter: { readonly fields: LetterQuery; readonly answer: LetterView };
  /** What is in a letter. Refused unless the agent's owner reveals payloads. */
  readonly contents: { readonly fields: LetterQuery; readonly answer: Revealed };
  /** What is in a message that is still in memory. Refused unless the agent's owner reveals payloads. */
  readonly payload: { readonly fields: { readonly message: string }; readonly answer: Revealed };
  readonly traces: { readonly fields: TracesQuery; readonly answer: { readonly traces: readonly TraceSummary[] } };
  readonly trace: { readonly fields: { readonly id: string }; readonly answer: TraceView };
  /** Action. Settles when the message has been handled, or within 30 s. */
  readonly replay: { readonly fields: LetterQuery; readonly answer: ReplayAnswer };
  /** Action. */
  readonly discard: { readonly fields: LetterQuery; readonly answer: { readonly discarded: number } };
}

export type FeedRequestName = keyof FeedRequests;
export type FeedFields<N extends FeedRequestName> = FeedRequests[N]["fields"];
export type FeedAnswer<N extends FeedRequestName> = FeedRequests[N]["answer"];

export interface FeedFailure {
  readonly error: { readonly code: ErrorCode; readonly message: string };
}

export interface LettersQuery {
  /** Key of a watched agent. */
  readonly agent: string;
  /** 1 to 200. Default 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
  readonly reason?: ErrorCode;
  readonly peer?: string;
  readonly method?: string;
}

export interface LetterQuery {
  readonly agent: string;
  readonly id: string;
}

/** The newest first. */
export interface LettersPage {
  readonly letters: readonly LetterView[];
  readonly next?: string;
}

/** A dead letter without what was in it. */
export interface LetterView {
  readonly agent: string;
  readonly id: string;
  readonly reason: ErrorCode;
  readonly cause: string;
  readonly side: "sender" | "receiver";
  /** An agent's id. */
  readonly peer: string;
  readonly method: string;
  readonly messageId?: string;
  readonly priority: Priority;
  readonly attempts: number;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly bytes: number;
  /** False: it cannot be replayed. */
  readonly kept: boolean;
}

export interface ReplayAnswer {
  /** False: it is still a letter. */
  readonly replayed: boolean;
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** A payload as text to look at: JSON with two spaces, or hexadecimal of the first bytes. */
export interface Revealed {
  readonly form: "json" | "bytes";
  readonly text: string;
  /** Of the whole payload. */
  readonly bytes: number;
  /** True: `text` is only its beginning. */
  readonly cut: boolean;
}

export interface TracesQuery {
  /** 1 to 200. Default 50. */
  readonly limit?: number;
  readonly failed?: boolean;
}

export interface TraceSummary {
  readonly id: string;
  readonly at: number;
  readonly duration?: number;
  readonly name?: string;
  readonly spans: number;
  readonly failed: boolean;
}

/** One trace, from its first span to its last. */
export interface TraceView {
  readonly id: string;
  /** store: from a trace store. messages: put together from what is still in memory; spans may be missing. */
  readonly from: "store" | "messages";
  /** In the order of their beginning; at most 500. */
  readonly spans: readonly SpanView[];
  readonly cut: boolean;
}

export interface SpanView {
  readonly id: string;
  readonly parent?: string;
  /** Key of an agent, or its id. */
  readonly agent: string;
  readonly peer: string;
  readonly side: "sender" | "receiver";
  readonly type: string;
  readonly name: string;
  /** The envelope's id. */
  readonly message: string;
  readonly at: number;
  /** Undefined: not over. */
  readonly duration?: number;
  readonly code?: ErrorCode;
  readonly stages: readonly { readonly what: MessageStage; readonly at: number }[];
}
