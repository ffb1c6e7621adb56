import { Command, CommanderError, Option } from "commander";
import { commands } from "./commands/index.js";
import { exitCodes } from "./exit-codes.js";
import type { Action, CommandEntry, Frame, Invocation } from "./invocation.js";
import type { Io, StopSignal } from "./io.js";
import { createOutput } from "./output.js";
import { wantsColours } from "./paint.js";
import { parseError } from "./parse-error.js";
import { tell } from "./report.js";
import { version } from "./version.js";

/** What a command still gets to end in its own way when it is asked to; then what it opened is closed. */
const graceMs = 5_000;
const signalCodes: Readonly<Record<StopSignal, number>> = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated };

/** Runs a command line: `argv` is what stands behind the program's name. Resolves with the exit code, when everything is closed; never rejects. */
export async function run(argv: readonly string[], io: Io, entries: readonly CommandEntry[] = commands): Promise<number> {
  const json = wantsJson(argv);
  let code: number = exitCodes.ok;
  const frame: Frame = {
    action:
      (action) =>
      async (...given) => {
        code = await perform(io, action, given, argv);
      },
    whole: () => createProgram(entries, () => true, frame, io, json),
  };
  let program: Command | undefined;
  try {
    program = await createProgram(entries, (name) => argv.includes(name), frame, io, json);
    await program.parseAsync(argv.length === 0 ? ["--help"] : [...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    return tell(io, error instanceof CommanderError ? parseError(error, argv, program) : error, json);
  }
}

/** The program with every command by its name and summary, and those that `wanted` names as a whole. */
async function createProgram(entries: readonly CommandEntry[], wanted: (name: string) => boolean, frame: Frame, io: Io, json: boolean): Promise<Command> {
  const program = new Command("tightbeam")
    .description("End-to-end encrypted links between agents, from a terminal.")
    .usage("<command> [options]")
    .version(version(), "--version", "the version of this program")
    .helpOption("-h, --help", "this text, or that of a command")
    .helpCommand("help [command]", "this text, or that of a command")
    .option("--json", "results and errors as JSON, for programs")
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // Only the help of what has sub-commands comes this way.
      writeErr: (text) => void (json || io.stderr.write(text)),
      outputError: () => undefined,
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => wantsColours(io, io.stdout),
      getErrHasColors: () => wantsColours(io, io.stderr),
    })
    .addHelpText("after", "\nBegin with `tightbeam init`. Every command explains itself with --help; docs/cli.md has exit codes, environment and files.");
  for (const { name, summary, group, load } of entries) {
    const command = program
      .command(name)
      .summary(summary)
      .helpGroup(`${group}:`)
      .description(`${sentence(summary)}.`);
    if (!wanted(name)) continue;
    (await load()).define(command, frame);
    for (const each of [command, ...command.commands])
      if (each.commands.length === 0) each.addOption(new Option("--json", "results and errors as JSON, for programs").helpGroup("Options:"));
  }
  return program;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** Known before parsing, because errors of parsing are told in it too. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return (end === -1 ? argv : argv.slice(0, end)).includes("--json");
}

async function perform<Options>(io: Io, action: Action<Options>, given: readonly unknown[], argv: readonly string[]): Promise<number> {
  const command = given.at(-1) as Command;
  const options = command.optsWithGlobals() as Options & { json?: boolean };
  const json = options.json === true;
  const output = createOutput(io, json);
  const stop = new AbortController();
  const closers: (() => unknown)[] = [];
  let stoppedBy: StopSignal | undefined;
  const end = io.onStop((signal) => {
    stoppedBy ??= signal;
    stop.abort(signal);
  });
  const gone = () => stop.abort("nobody reads stdout");
  io.stdout.on("close", gone);
  io.stdout.on("error", gone);
  let cancel: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    stop.signal.addEventListener("abort", () => {
      // What it may still bring is waited for no longer: it can stay open for ever.
      io.stdin.destroy();
      cancel = io.runtime.timers.after(graceMs, () => reject(new Error("It was asked to end.")));
    });
  });
  const invocation: Invocation = {
    io,
    runtime: io.runtime,
    output,
    rest: argv.includes("--") ? argv.slice(argv.indexOf("--") + 1) : [],
    signal: stop.signal,
    stoppedBy: () => stoppedBy,
    later: (close) => void closers.push(close),
  };
  try {
    const result = await Promise.race([late, action(invocation, options, ...(given.slice(0, -2) as (string | undefined)[]))]);
    return typeof result === "number" ? result : exitCodes.ok;
  } catch (error) {
    // Nobody reads what would be said, or nobody is to blame: it was asked to end.
    if (stop.signal.aborted) return stoppedBy === undefined ? exitCodes.ok : signalCodes[stoppedBy];
    return tell(io, error, json);
  } finally {
    cancel?.();
    for (const close of closers.reverse())
      await Promise.resolve()
        .then(close)
        .catch((error: unknown) => void tell(io, error, json));
    end();
    io.stdout.off("close", gone).off("error", gone);
  }
}
