import { PassThrough, Readable } from "node:stream";
import { systemRuntime } from "@tightbeam/core/runtime";
import type { Io, StopSignal } from "../src/io.js";

/** A terminal, or a pipe, that remembers what was written to it. */
export function createMemoryIo({
  terminal = false,
  env = {},
  input = "",
  cwd = "/",
}: {
  terminal?: boolean;
  env?: Record<string, string>;
  input?: string;
  cwd?: string;
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
    stdin: Readable.from([Buffer.from(input)]),
    stdout: out.through,
    stderr: err.through,
    env,
    cwd,
    runtime: systemRuntime(),
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
