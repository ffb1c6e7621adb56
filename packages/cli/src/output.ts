import type { Writable } from "node:stream";
import type { Io } from "./io.js";
import { onlyPainted, type Paint, paintWith, wantsColours } from "./paint.js";
import { oneLine, printable } from "./printable.js";

/** What lines for people are made of: text, or the function that colours it. Within a line text that others wrote goes through `oneLine` first. */
export type Human = string | readonly string[] | ((paint: Paint) => string | readonly string[]);

export interface Progress {
  update(done: number, text?: string): void;
  /** Takes the line away. */
  end(): void;
}

/** stdout is for results, stderr for all the rest. Everything resolves when the reader took it: await it. */
export interface Output {
  /** Whether `--json` was given. */
  readonly json: boolean;
  /** The one result of a command: one JSON document, or lines for people. */
  result(value: unknown, human: Human): Promise<void>;
  /** One of many results: one line of NDJSON, or lines for people. */
  item(value: unknown, human: Human): Promise<void>;
  /** As `item`, of what comes by itself and does not wait: left out, which is told, while the reader of stdout is far behind. */
  offer(value: unknown, human: Human): void;
  /** Bytes as they are, whatever `--json` says. On a terminal control characters are shown, not obeyed. */
  bytes(bytes: Uint8Array): Promise<void>;
  /** A script or a help text: as it is. */
  text(text: string): Promise<void>;
  /** What people like to know and programs do not need: on stderr, and not with `--json`. */
  note(human: Human): void;
  /** What should be put right: on stderr; with `--json` as `{ "warning": { code, message } }`. */
  warn(code: string, message: string): void;
  /** A line on stderr that moves, on a terminal and without `--json` only. */
  progress(label: string, total?: number): Progress;
}

/** Bytes that wait for the reader of stdout before what is offered is left out. */
const waitingMaxBytes = 4 * 1024 * 1024;

const silent: Progress = { update: () => undefined, end: () => undefined };

export function createOutput(io: Io, json: boolean): Output {
  const paintOut = paintWith(wantsColours(io, io.stdout));
  const paintErr = paintWith(wantsColours(io, io.stderr));
  const write = (text: string | Uint8Array) => writeTo(io.stdout, text);
  const say = (text: string) => void writeTo(io.stderr, text);
  const put = (value: unknown, human: Human) => write(json ? `${jsonText(value)}\n` : lines(human, paintOut));
  const warn = (code: string, message: string) =>
    say(json ? `${jsonText({ warning: { code, message } })}\n` : `${paintErr.yellow("warning:")} ${oneLine(message)}\n`);
  let leftOut = 0;

  return {
    json,
    result: put,
    item: put,
    offer(value, human) {
      if (io.stdout.writableLength > waitingMaxBytes) {
        leftOut += 1;
        if (leftOut === 1) warn("slow_reader", "Whoever reads stdout is too slow: what comes now is left out.");
        return;
      }
      if (leftOut > 0) warn("slow_reader", `${leftOut} were left out.`);
      leftOut = 0;
      void put(value, human);
    },
    bytes: (bytes) => write(io.stdout.isTTY === true ? printable(new TextDecoder().decode(bytes)) : bytes),
    text: write,
    note(human) {
      if (!json) say(lines(human, paintErr));
    },
    warn,
    progress(label, total) {
      if (json || io.stderr.isTTY !== true) return silent;
      return {
        update(done, text = "") {
          const share = total === undefined ? `${done}` : `${Math.min(100, Math.floor((100 * done) / Math.max(1, total)))} %`;
          say(`\r\u001b[2K${paintErr.dim(oneLine(`${label} ${share} ${text}`.trimEnd()).slice(0, (io.stderr.columns ?? 80) - 1))}`);
        },
        end: () => say("\r\u001b[2K"),
      };
    },
  };
}

export function lines(human: Human, paint: Paint): string {
  const text = typeof human === "function" ? human(paint) : human;
  return `${onlyPainted(typeof text === "string" ? text : text.join("\n"))}\n`;
}

/** Bytes as `{ "bytes": "base64url" }`, which is how JSON output shows a payload that is none. JSON lets some controls stand: a terminal must not. */
export const jsonText = (value: unknown): string =>
  printable(JSON.stringify(value, (_, each: unknown) => (each instanceof Uint8Array ? { bytes: Buffer.from(each).toString("base64url") } : each)) ?? "null");

/** Resolves when the stream has room again. A reader that went away is no error here: `bin.ts` and `main.ts` are told by the stream. */
function writeTo(stream: Writable, text: string | Uint8Array): Promise<void> {
  if (stream.destroyed || stream.writableEnded) return Promise.resolve();
  if (stream.write(text)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done).off("error", done);
      resolve();
    };
    stream.on("drain", done).on("close", done).on("error", done);
  });
}
