import * as limits from "../../limits.js";
import { checkRate, createTokenBuckets, type Rate } from "../../resilience/token-bucket.js";
import type { Runtime } from "../../runtime/runtime.js";
import { systemRuntime } from "../../runtime/system.js";
import { contextAt, type TraceContext } from "../../telemetry/trace-context.js";
import type { Span, SpanStart, Tracer } from "../../telemetry/tracer.js";
import { checkGiven, flag, object, type Rules } from "../rules.js";
import { type Ambient, createAmbient } from "./ambient.js";
import { createSpanIds, isChosen, isMessageChosen, spanIdOf, traceIdOf } from "./ids.js";

export interface TracerOptions {
  /** The share of traces that begin here and are sampled, 0 to 1; or what says it for each start. What it throws counts as 0. Default 1. */
  readonly sample?: (number | ((start: SpanStart) => number)) | undefined;
  /** What a handler sends becomes part of its trace by itself, where the platform has AsyncLocalStorage. Otherwise: `{ trace: context.trace }`. Default true. */
  readonly ambient?: boolean | undefined;
  /** That a message is not sampled goes with it, for receivers that would decide otherwise. Default false: only where `sample` is a function. */
  readonly tellUnsampled?: boolean | undefined;
  /** How many traces one peer agent may have sampled here that `sample` would not choose: the flag is the sender's word. Default 1,000 a second. */
  readonly remote?: Rate | undefined;
  readonly runtime?: Runtime | undefined;
}

/** The tracer for those who have no other: ids and flags as in W3C Trace Context, for the trace store. */
export interface BuiltInTracer extends Tracer {
  /** Where the code that runs now stands. Undefined outside of handlers and `run`, and without AsyncLocalStorage. */
  readonly current: TraceContext | undefined;
  /** What is sent while `work` runs, until its promise settles where it returns one, belongs to `parent`. */
  run<T>(parent: TraceContext, work: () => T): T;
}

/** A trace is sampled as a whole: whoever begins it decides, all others follow. Throws `invalid_argument`. */
export function createTracer(options: TracerOptions = {}): BuiltInTracer {
  checkGiven("createTracer", options, rules);
  const {
    sample = 1,
    ambient = true,
    tellUnsampled = typeof sample === "function",
    remote = { perSecond: limits.remoteTracesPerSecond },
    runtime = systemRuntime(),
  } = options;
  const { clock, random } = runtime;
  const nextSpanId = createSpanIds(random);
  const buckets = createTokenBuckets(checkRate(remote), limits.remoteTracers);
  const here = ambient ? sharedAmbient() : undefined;

  const shareOf = (start: SpanStart): number => {
    if (typeof sample === "number") return sample;
    try {
      const share = sample(start);
      return isShare(share) ? share : 0;
    } catch {
      return 0;
    }
  };

  /** `parent` has a say; undefined: a trace begins, or nobody samples it and nothing is said of it. */
  const span = (start: SpanStart, parent: TraceContext | undefined, sampled: boolean): Span | undefined => {
    if (!sampled) return parent === undefined && !tellUnsampled ? undefined : new Unsampled(start.id, parent, here);
    if (parent === undefined) return new Sampled(contextAt(traceIdOf(start.id), nextSpanId(), sampled), here);
    const { traceId, state, spanId: parentSpanId } = parent;
    return new Sampled(contextAt(traceId, nextSpanId(), sampled, state, parentSpanId), here);
  };

  return {
    ...(typeof sample === "number" && !tellUnsampled ? { samples: (id: string) => isMessageChosen(id, sample) } : undefined),
    sending(start, given) {
      const parent = given === null ? undefined : (given ?? here?.current?.context);
      return span(start, parent, parent?.sampled ?? isMessageChosen(start.id, shareOf(start)));
    },
    receiving(start, parent) {
      if (parent === undefined) return span(start, parent, isMessageChosen(start.id, shareOf(start)));
      const follows = parent.sampled && (isChosen(parent.traceId, shareOf(start)) || buckets.take(start.peer?.id ?? "", clock.monotonic()) === 0);
      return span(start, parent, follows);
    },
    get current() {
      return here?.current?.context;
    },
    run(parent, work) {
      const standing = new Sampled(parent, here);
      let result: ReturnType<typeof work> | undefined;
      try {
        result = standing.run(work);
        return result;
      } finally {
        if (result instanceof Promise) result.then(standing.end.bind(standing), standing.end.bind(standing));
        else standing.end();
      }
    },
  };
}

const rules: Rules<TracerOptions> = {
  sample: [(value) => typeof value === "function" || isShare(value), "a number of 0 to 1, or a function that gives one"],
  ambient: flag,
  tellUnsampled: flag,
  remote: object,
  runtime: object,
};

const isShare = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= 1;

let shared: { readonly ambient: Ambient<Span> | undefined } | undefined;

/** Of all tracers: what a handler of one agent sends through another one of this process stays in its trace. */
function sharedAmbient(): Ambient<Span> | undefined {
  shared ??= { ambient: createAmbient() };
  return shared.ambient;
}

/** Runs its handler, and says when that is over. */
class Standing {
  readonly #ambient: Ambient<Span> | undefined;
  #runs = false;

  constructor(ambient: Ambient<Span> | undefined) {
    this.#ambient = ambient;
  }

  run<T>(work: () => T): T {
    if (this.#ambient === undefined || this.#runs) return work();
    this.#runs = true;
    return this.#ambient.run(this as unknown as Span, work);
  }

  end(): void {
    if (!this.#runs) return;
    this.#runs = false;
    this.#ambient?.over();
  }
}

class Sampled extends Standing implements Span {
  readonly context: TraceContext;

  constructor(context: TraceContext, ambient: Ambient<Span> | undefined) {
    super(ambient);
    this.context = context;
  }
}

/** Its context is made for whoever asks. */
class Unsampled extends Standing implements Span {
  readonly #id: string;
  readonly #parent: TraceContext | undefined;
  #context: TraceContext | undefined;

  constructor(id: string, parent: TraceContext | undefined, ambient: Ambient<Span> | undefined) {
    super(ambient);
    this.#id = id;
    this.#parent = parent;
  }

  get context(): TraceContext {
    this.#context ??= this.#parent?.sampled === false ? this.#parent : this.#made();
    return this.#context;
  }

  /** It has no span of its own: the one above stands for it. */
  #made(): TraceContext {
    const id = this.#id;
    return this.#parent === undefined ? { traceId: traceIdOf(id), spanId: spanIdOf(id), sampled: false } : { ...this.#parent, sampled: false };
  }
}
