import { type Bytes, join, read, uint } from "./bytes.js";
import { type Envelope, json, parseJson, readError, type WireError, writeError } from "./envelope.js";

/** docs/protocol.md, section 7, *Streams*. What the opener says in a stream is not spoken here: only what it hears. */

const kinds = ["", "chunk", "end", "error", "credit", "cancel"] as const;
const chunkCost = 64;

export type StreamHandler = (input: unknown) => AsyncIterable<unknown>;

export interface Stream extends AsyncIterable<unknown> {
  /** The handler's output, once it has ended. */
  readonly output: unknown;
  /** Bytes that the handler was granted, and what it has said: never more than one chunk past it. */
  readonly granted: number;
  readonly said: number;
  cancel(): void;
}

export interface Part {
  readonly kind: Exclude<(typeof kinds)[number], "">;
  readonly byOpener: boolean;
  readonly number: number;
  readonly payload?: Bytes;
  readonly raw?: boolean;
  readonly error?: WireError;
  readonly credit?: number;
}

export function writePart({ kind, byOpener, number, payload, raw = false, error, credit }: Part): Bytes {
  const flags =
    kinds.indexOf(kind) + (byOpener ? 0x08 : 0) + (error?.retryAfter === undefined ? 0 : 0x20) + (payload === undefined ? 0 : 0x40) + (raw ? 0x80 : 0);
  const rest = error !== undefined ? writeError(error) : credit !== undefined ? uint(credit, 6) : (payload ?? new Uint8Array());
  return join(Uint8Array.of(0x17, flags), uint(number, 4), rest);
}

export function readPart(bytes: Bytes): Part {
  const input = read(bytes);
  const [first, flags, number] = [input.uint(1), input.uint(1), input.uint(4)];
  const kind = kinds[flags & 7];
  if (first !== 0x17 || kind === undefined || kind === "" || (flags & 0x10) !== 0) throw new Error("invalid_envelope");
  const said = { kind, byOpener: (flags & 0x08) !== 0, number };
  if (kind === "error") return { ...said, error: readError(input, (flags & 0x20) !== 0) };
  if (kind === "credit") return { ...said, credit: input.uint(6) };
  return (flags & 0x40) === 0 ? said : { ...said, payload: input.rest(), raw: (flags & 0x80) !== 0 };
}

export interface StreamsOptions {
  readonly handlers: ReadonlyMap<string, StreamHandler>;
  open(fields: Partial<Envelope>): void;
  say(bytes: Bytes, lane: number): void;
}

export interface Streams {
  open(method: string, payload: Bytes, window: number): Stream;
  /** The peer opened one. */
  opened(envelope: Envelope, lane: number): void;
  part(bytes: Bytes, lane: number): void;
}

export function createStreams({ handlers, open, say }: StreamsOptions): Streams {
  const reading = new Map<number, (part: Part, lane: number) => void>();
  const handling = new Map<number, { granted: number; over: boolean; wake(): void }>();
  let opened = 0;

  function read(method: string, input: Bytes, window: number): Stream {
    const number = opened++;
    const parts: Part[] = [];
    const state = { granted: window, said: 0, taken: 0, lane: 2, output: undefined as unknown, wake: () => {} };
    reading.set(number, (part, lane) => {
      state.lane = lane;
      state.said += part.kind === "chunk" ? (part.payload?.length ?? 0) + chunkCost : 0;
      parts.push(part);
      state.wake();
    });
    open({ name: method, payload: input, opening: { number, credit: window } });
    const tell = (fields: Pick<Part, "kind" | "credit">): void => say(writePart({ ...fields, byOpener: true, number }), state.lane);

    async function* chunks(): AsyncGenerator<unknown> {
      for (;;) {
        const part = parts.shift();
        if (part === undefined) await new Promise<void>((resolve) => (state.wake = resolve));
        else if (part.kind === "error") throw Object.assign(new Error(part.error?.message), { code: part.error?.code });
        else if (part.kind === "end") {
          state.output = parseJson(part.payload);
          return void reading.delete(number);
        } else if (part.kind === "chunk") {
          yield parseJson(part.payload);
          state.taken += (part.payload?.length ?? 0) + chunkCost;
          if (state.taken + window - state.granted < window / 4) continue;
          state.granted = state.taken + window;
          tell({ kind: "credit", credit: state.granted });
        }
      }
    }
    const said = chunks();
    return {
      get output() {
        return state.output;
      },
      get granted() {
        return state.granted;
      },
      get said() {
        return state.said;
      },
      cancel() {
        reading.delete(number);
        tell({ kind: "cancel" });
      },
      [Symbol.asyncIterator]: () => said,
    };
  }

  async function handle({ name = "", payload, opening }: Envelope, lane: number): Promise<void> {
    const { number, credit } = opening as NonNullable<Envelope["opening"]>;
    const state = { granted: credit, over: false, wake: () => {} };
    const tell = (fields: Omit<Part, "number" | "byOpener">): void => say(writePart({ ...fields, byOpener: false, number }), lane);
    handling.set(number, state);
    let said = 0;
    const handler = handlers.get(name);
    if (handler === undefined) return tell({ kind: "error", error: { code: "no_handler", message: `There is no handler for ${name}.`, id: "e-1" } });
    for await (const value of handler(parseJson(payload))) {
      while (said >= state.granted && !state.over) await new Promise<void>((resolve) => (state.wake = resolve));
      if (state.over) return;
      const chunk = json(value);
      said += chunk.length + chunkCost;
      tell({ kind: "chunk", payload: chunk });
    }
    handling.delete(number);
    tell({ kind: "end" });
  }

  return {
    open: read,
    opened: (envelope, lane) => void handle(envelope, lane),
    part(bytes, lane) {
      const part = readPart(bytes);
      if (!part.byOpener) return reading.get(part.number)?.(part, lane);
      const state = handling.get(part.number);
      if (state === undefined) return;
      if (part.kind === "credit") state.granted = Math.max(state.granted, part.credit ?? 0);
      if (part.kind === "cancel" || part.kind === "error") state.over = true;
      state.wake();
    },
  };
}
