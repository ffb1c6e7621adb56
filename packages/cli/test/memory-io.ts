import { PassThrough, Readable } from "node:stream";
import { type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import type { Io, StopSignal } from "../src/io.js";

/** A terminal, or a pipe, that remembers what was written to it. */
export function createMemoryIo({
  terminal = false,
  env = {},
  input = "",
  stdin = Readable.from([Buffer.from(input)]),
  cwd = "/",
  runtime = systemRuntime(),
}: {
  terminal?: boolean;
  env?: Record<string, string>;
  input?: string;
  /** In place of `input`. */
  stdin?: Readable;
  cwd?: string;
  runtime?: Runtime;
} = {}) {
  const listeners = new Set<(signal: StopSignal) => void>();
  const stream = () => {
    const chunks: Buffer[] = [];
    const through = Object.assign(new PassThrough(), { isTTY: terminal, columns: 100 });
    through.on("data", (chunk: Buffer) => chunks.push(chunk));
    return { through, text: () => Buffer.concat(chunks).toString() };
  };
  const out = stream();
  const err = stream();
  const io: Io = {
    stdin,
    stdout: out.through,
    stderr: err.through,
    env,
    cwd,
    runtime,
    onStop(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    io,
    stdout: out.text,
    stderr: err.text,
    stop: (signal: StopSignal) => {
      for (const listener of listeners) listener(signal);
    },
  };
}
