import { isTightbeamError } from "@tightbeam/core/transport";
import { adviceFor } from "./advice.js";
import { CommandError } from "./command-error.js";
import { type ExitCode, exitCodeFor, exitCodes } from "./exit-codes.js";
import type { Io } from "./io.js";
import { jsonText } from "./output.js";
import { paintWith, wantsColours } from "./paint.js";
import { oneLine, printable } from "./printable.js";

/** An error as it is told: what happened, what to do, and what the process ends with. */
export interface Report {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly message: string;
  readonly advice?: string;
  readonly retryable?: boolean;
  readonly retryAfter?: number;
  /** Under which the other side's log has the rest. */
  readonly id?: string;
  readonly idempotencyKey?: string;
}

const systemCodes = /^E[A-Z0-9]+$/;

export function reportOf(error: unknown): Report {
  if (error instanceof CommandError) {
    const { code, exitCode, message, advice } = error;
    return { code, exitCode, message, ...(advice === undefined ? {} : { advice }) };
  }
  if (isTightbeamError(error)) {
    const { code, message, retryable, retryAfter, id, idempotencyKey } = error;
    const advice = adviceFor(code);
    return {
      code,
      exitCode: exitCodeFor(code),
      message,
      ...(advice === undefined ? {} : { advice }),
      retryable,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(id === undefined ? {} : { id }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    };
  }
  const { code: system, message = String(error) } = (error ?? {}) as { code?: unknown; message?: string };
  if (typeof system === "string" && systemCodes.test(system)) return { code: "system", exitCode: exitCodes.failed, message };
  return {
    code: "internal",
    exitCode: exitCodes.failed,
    message: `This should not happen: ${message}`,
    advice: "Set TIGHTBEAM_DEBUG=1 for the stack, and report it.",
  };
}

/** On stderr: `{"error": …}` with `--json`, otherwise what happened and below it what to do. A stack only under TIGHTBEAM_DEBUG. */
export function tell(io: Io, error: unknown, json: boolean): ExitCode {
  const report = reportOf(error);
  const debug = (io.env.TIGHTBEAM_DEBUG ?? "") !== "" && io.env.TIGHTBEAM_DEBUG !== "0";
  if (json) {
    io.stderr.write(`${jsonText({ error: { ...report, ...(debug ? { stack: stacks(error) } : {}) } })}\n`);
    return report.exitCode;
  }
  const paint = paintWith(wantsColours(io, io.stderr));
  const { code, message, advice, retryAfter, id, idempotencyKey } = report;
  const facts = [
    code === "usage" ? "" : `code ${code}, exit ${report.exitCode}`,
    retryAfter === undefined ? "" : `retry after ${retryAfter} ms`,
    id === undefined ? "" : `id ${id}`,
    idempotencyKey === undefined ? "" : `idempotency key ${idempotencyKey}`,
  ].filter((fact) => fact !== "");
  // A second line of what others wrote must not look like one of ours.
  const told = [`${paint.red("error:")} ${printable(message).replaceAll("\n", "\n  ")}`];
  if (advice !== undefined) told.push(...advice.split("\n").map((line) => `  ${printable(line)}`));
  if (facts.length > 0) told.push(paint.dim(`  (${oneLine(facts.join("; "))})`));
  if (debug) told.push(printable(stacks(error)));
  io.stderr.write(`${told.join("\n")}\n`);
  return report.exitCode;
}

function stacks(error: unknown): string {
  const told: string[] = [];
  for (let each = error; each instanceof Error && told.length < 8; each = each.cause) told.push(each.stack ?? each.message);
  return told.join("\ncaused by: ");
}
