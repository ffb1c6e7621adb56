import type { StreamCall } from "@tightbeam/core";
import { printOf, textOf } from "../trace.js";
import { codeOf } from "./record-states.js";
import type { Recorder } from "./recorder.js";

type End = "caller" | "handler";
type Iterates = AsyncIterator<unknown> | Iterator<unknown>;

const iteratorOf = (source: AsyncIterable<unknown> | Iterable<unknown>): Iterates =>
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();

/** An iterable that tells of what is taken out of it, and does the same otherwise. */
function telling(iterator: Iterates, onValue: (value: unknown) => void, onEnd: (failed: unknown, output: unknown) => void): AsyncIterableIterator<unknown> {
  let over = false;
  const end = (failed: unknown, output?: unknown): void => {
    if (over) return;
    over = true;
    onEnd(failed, output);
  };
  const self: AsyncIterableIterator<unknown> = {
    async next() {
      try {
        const result = await iterator.next();
        if (result.done === true) end(undefined, result.value);
        else onValue(result.value);
        return result;
      } catch (error) {
        end(error);
        throw error;
      }
    },
    async return() {
      over = true;
      return (await iterator.return?.()) ?? { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => self,
  };
  return self;
}

/** Whoever reads at this end. Leaving is no end of what there was to hear. */
function heard(iterator: Iterates, end: End, stream: number, { record }: Recorder): AsyncIterableIterator<unknown> {
  return telling(
    iterator,
    (value) => record({ type: "chunk", what: "heard", end, stream, print: printOf(textOf(value)) }),
    (failed) => record({ type: "through", end, stream, error: failed === undefined ? undefined : codeOf(failed) }),
  );
}

const said =
  (end: End, stream: number, { record }: Recorder) =>
  (value: unknown) =>
    record({ type: "chunk", what: "said", end, stream, print: printOf(textOf(value)) });

/** A stream as its caller holds it. */
export function recordCall(stream: StreamCall, operation: number, recorder: Recorder): StreamCall {
  const { record } = recorder;
  const say = said("caller", operation, recorder);
  stream.result.then(
    (output) => record({ type: "settled", operation, error: undefined, print: printOf(textOf(output)) }),
    (error: unknown) => record({ type: "settled", operation, error: codeOf(error), print: undefined }),
  );
  return {
    result: stream.result,
    write(chunk) {
      say(chunk);
      return stream.write(chunk);
    },
    end: () => stream.end(),
    cancel: (reason) => stream.cancel(reason),
    [Symbol.asyncIterator]: () => heard(stream[Symbol.asyncIterator](), "caller", operation, recorder),
  };
}

/** The `source` of a call. */
export const recordSource = (source: AsyncIterable<unknown> | Iterable<unknown>, operation: number, recorder: Recorder): AsyncIterable<unknown> => ({
  [Symbol.asyncIterator]: () => telling(iteratorOf(source), said("caller", operation, recorder), () => undefined),
});

/** A stream handler's context, whose source is told of. */
export function recordReading<T extends object>(context: T, call: number, recorder: Recorder): T {
  let source: AsyncIterable<unknown> | undefined;
  return new Proxy(context, {
    get(target, member) {
      const value: unknown = Reflect.get(target, member, target);
      if (member !== "source") return value;
      source ??= { [Symbol.asyncIterator]: () => heard((value as AsyncIterable<unknown>)[Symbol.asyncIterator](), "handler", call, recorder) };
      return source;
    },
  });
}

/** What a stream's handler returned: a generator, or its output. `over` is told once. */
export function recordSaying(result: unknown, call: number, recorder: Recorder, over: (failed: boolean, output?: unknown) => void): unknown {
  const generator = result as (AsyncGenerator<unknown> | Generator<unknown>) | undefined;
  if (typeof generator !== "object" || generator === null || !("next" in generator)) {
    Promise.resolve(result).then(
      (output) => over(false, output),
      () => over(true),
    );
    return result;
  }
  const own = telling(generator, said("handler", call, recorder), (failed, output) => over(failed !== undefined, output));
  const leave = own.return?.bind(own);
  return Object.assign(own, {
    async return() {
      try {
        return await leave?.();
      } finally {
        over(true);
      }
    },
  });
}
