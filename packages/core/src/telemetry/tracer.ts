import type { TraceContext } from "./trace-context.js";

/** Gives what an agent sends and handles its place in a trace: `createAgent({ tracer })`. Its functions must not throw; what they throw is dropped. */
export interface Tracer {
  /** Something leaves that begins with this agent. Undefined: no context goes with it. `parent`: what its caller named, or where it stood; null: nowhere, so that a trace begins. Undefined: the ambient one counts. */
  sending(start: SpanStart, parent: TraceContext | null | undefined): Span | undefined;
  /**
   * Where the id of a message says whether the trace that begins with it is sampled. Asked first: of what it says false of nothing else is asked, and no
   * context goes with it. The same for the same id.
   */
  samples?(id: string): boolean;
  /**
   * Where the code that runs now stands, for tracers that know: asked when an operation begins and names no trace, because what it waits for (a link,
   * a place, the next try) goes on elsewhere. Undefined: nowhere. Of a tracer without this property `sending` is given none, and may ask by itself.
   */
  readonly current?: TraceContext | undefined;
  /** A call or an event came. `parent`: what its sender said, which nobody has checked beyond its form. */
  receiving(start: SpanStart, parent: TraceContext | undefined): Span | undefined;
}

export interface SpanStart {
  readonly type: "request" | "notification" | "stream" | "event";
  /** The method or topic. */
  readonly name: string;
  /** The envelope's id. */
  readonly id: string;
  /** This agent. */
  readonly agent: string;
  /** Undefined for what is published: it is for whoever subscribes. */
  readonly peer: { readonly id: string; readonly instance?: string } | undefined;
  /** Of its payload, as it travels. */
  readonly bytes: number;
  readonly durable: boolean;
  /** Of a durable message: which try this is, from 1. */
  readonly attempt?: number;
  /** Other messages it has to do with: the trace that its own headers name, the try before it, and those that it is sent for (`traces`). */
  readonly links?: readonly TraceContext[];
}

export interface Span {
  readonly context: TraceContext;
  /** Of what is sent: no header goes with it, and it is not ended. For what nobody samples. */
  readonly quiet?: boolean;
  /** Runs the handler inside the span: what it sends becomes its child. */
  run<T>(work: () => T): T;
  /** Once. `error`: what it failed with. */
  end(error?: unknown): void;
}
