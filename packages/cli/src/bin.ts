import { systemRuntime } from "@tightbeam/core/runtime";
import { CommandError } from "./command-error.js";
import { exitCodes } from "./exit-codes.js";
import type { Io, StopSignal } from "./io.js";
import { run, wantsJson } from "./main.js";
import { tell } from "./report.js";

const argv = process.argv.slice(2);
const signals: readonly StopSignal[] = ["SIGINT", "SIGTERM"];

const io: Io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  runtime: systemRuntime(),
  onStop(listener) {
    let asked = false;
    const listeners = signals.map((signal) => {
      const stop = () => {
        // The second time nobody waits for anything to be closed in order.
        if (asked) process.exit(signal === "SIGINT" ? 130 : 143);
        asked = true;
        listener(signal);
      };
      process.on(signal, stop);
      return () => process.off(signal, stop);
    });
    return () => {
      for (const end of listeners) end();
    };
  },
};

// A reader that went away (`| head`) ends the command; it is nobody's error.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.exitCode = exitCodes.failed;
    if (stream === process.stdout) tell(io, new CommandError("system", exitCodes.failed, `The output cannot be written: ${error.code}.`), wantsJson(argv));
  });

const code = await run(argv, io);
// What is written is flushed first; what is left open (a socket, stdin) keeps nobody waiting.
process.stdout.write("", () => process.stderr.write("", () => process.exit(process.exitCode ?? code)));
