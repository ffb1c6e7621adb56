import { type ChildProcessByStdio, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type HandlerContext, TightbeamError } from "@tightbeam/core";
import { usageError } from "../../command-error.js";
import type { Invocation } from "../../invocation.js";
import type { Io } from "../../io.js";
import { linesOf } from "../../ndjson.js";
import { createPlaces } from "./places.js";

export interface ProgramOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Its output is bytes. */
  readonly raw: boolean;
  readonly concurrency: number;
  /** ms for one run. */
  readonly timeout: number;
}

type StreamHandlerContext = HandlerContext & { readonly source: AsyncIterable<unknown> };

/** A program that answers messages, one process for each. */
export interface Program {
  /** Rejects with a usage error when there is no such program. */
  check(): Promise<void>;
  /** Its stdin is the input, its stdout the answer. Rejects `handler_failed` when it fails, takes too long or says what is not JSON, `too_large`, `overloaded`. */
  answer(input: unknown, context: HandlerContext): Promise<unknown>;
  /** Its stdin has the input and then each chunk of the caller as a line, its stdout a chunk in each line. */
  chunks(input: unknown, context: StreamHandlerContext): AsyncGenerator<unknown, void, void>;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const outputMaxBytes = 16 * 1024 * 1024;
/** Between SIGTERM and SIGKILL. */
const killAfterMs = 2_000;

const failed = (message: string): TightbeamError => new TightbeamError("handler_failed", message);
const encode = (value: unknown): string | Uint8Array => (value instanceof Uint8Array ? value : `${JSON.stringify(value ?? null)}\n`);

export function createPrograms(
  { io, later, runtime }: Pick<Invocation, "io" | "later" | "runtime">,
  { program, args, raw, concurrency, timeout }: ProgramOptions,
): Program {
  const places = createPlaces(concurrency);
  const children = new Set<Child>();
  const env = childEnvironment(io);

  /** Always without a shell; what a message says is on stdin alone. */
  function start({ signal, peer, method, id }: HandlerContext): Child & { readonly over: Promise<void> } {
    const names = { TIGHTBEAM_CALLER: peer.id, TIGHTBEAM_METHOD: method, TIGHTBEAM_MESSAGE: id };
    const child = spawn(program, [...args], { cwd: io.cwd, env: { ...env, ...names }, shell: false, stdio: ["pipe", "pipe", "pipe"] });
    children.add(child);
    child.stderr.on("data", (chunk: Buffer) => io.stderr.write(chunk));
    // A program that does not read its input is free not to.
    child.stdin.on("error", () => undefined);
    let why: TightbeamError | undefined;
    const stop = (error: TightbeamError) => {
      why ??= error;
      kill(child);
    };
    const given = () => stop(new TightbeamError("cancelled", "The caller gave up."));
    const inTime = runtime.timers.after(timeout, () => stop(failed(`The program took longer than ${timeout} ms.`)));
    if (signal.aborted) given();
    else signal.addEventListener("abort", given, { once: true });
    const over = new Promise<void>((resolve, reject) => {
      const end = (error: TightbeamError | undefined) => {
        children.delete(child);
        inTime();
        signal.removeEventListener("abort", given);
        if (error === undefined) resolve();
        else reject(error);
      };
      child.once("error", (cause: NodeJS.ErrnoException) => end(why ?? failed(`The program cannot be started (${cause.code ?? "failed"}).`)));
      child.once("close", (code, by) => end(why ?? (code === 0 ? undefined : failed(`The program ended with ${code === null ? by : `code ${code}`}.`))));
    });
    over.catch(() => undefined);
    return Object.assign(child, { over });
  }

  function kill(child: Child): void {
    child.kill("SIGTERM");
    runtime.timers.after(killAfterMs, () => child.kill("SIGKILL"), { background: true });
  }

  later(() => {
    for (const child of children) child.kill("SIGKILL");
  });

  async function read(child: Child): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of child.stdout) {
      length += (chunk as Buffer).length;
      if (length > outputMaxBytes) {
        kill(child);
        throw new TightbeamError("too_large", `The program's output is over ${outputMaxBytes} bytes.`);
      }
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  }

  return {
    check: () => find(io, program),
    answer: (input, context) =>
      places.use(async () => {
        const child = start(context);
        child.stdin.end(encode(input));
        const [bytes] = await Promise.all([read(child), child.over]);
        return raw ? new Uint8Array(bytes) : parse(bytes.toString("utf8"));
      }),
    async *chunks(input, context) {
      const release = await places.take();
      try {
        const child = start(context);
        child.stdin.write(encode(input));
        void feed(child, context.source);
        if (raw) for await (const chunk of child.stdout) yield new Uint8Array(chunk as Buffer);
        else for await (const line of linesOf(child.stdout, "the program's output")) yield parse(line);
        await child.over;
      } finally {
        release();
      }
    },
  };
}

async function feed(child: Child, source: AsyncIterable<unknown>): Promise<void> {
  try {
    for await (const chunk of source)
      if (!child.stdin.write(encode(chunk))) await new Promise((resolve) => child.stdin.once("drain", resolve).once("close", resolve));
    child.stdin.end();
  } catch {
    // The stream ended first: its signal ends the program.
    child.stdin.end();
  }
}

function parse(text: string): unknown {
  if (text.trim() === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw failed("The program's output is not JSON: it prints one value, or runs with --raw.");
  }
}

/** Without our own settings: among them are secrets. */
export const childEnvironment = ({ env }: Pick<Io, "env">): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith("TIGHTBEAM_")));

async function find(io: Io, program: string): Promise<void> {
  const places = /[/\\]/.test(program) ? [resolve(io.cwd, program)] : (io.env.PATH ?? "").split(delimiter).map((folder) => join(folder, program));
  for (const place of places) {
    const runs = await access(place, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return;
  }
  throw usageError(
    `The program of --exec is not there, or may not be run: ${program}`,
    /\s/.test(program)
      ? "No shell splits it into words: give the program alone, and its arguments behind --."
      : "Give its path, and make it executable (chmod +x).",
  );
}
