import { type ExitCode, exitCodes } from "./exit-codes.js";

/** Something that is wrong here, and what the person at the keyboard can do about it. `message` and `advice` never hold a secret or a payload. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly advice: string | undefined;

  constructor(code: string, exitCode: ExitCode, message: string, advice?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

/** The command line, a profile or a file it names is wrong. */
export const usageError = (message: string, advice?: string, cause?: unknown): CommandError =>
  new CommandError("usage", exitCodes.usage, message, advice, cause);
