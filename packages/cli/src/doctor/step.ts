import type { Runtime } from "@tightbeam/core/runtime";
import { isTightbeamError } from "@tightbeam/core/transport";
import { doctorsAdvice } from "../advice.js";
import { reportOf } from "../report.js";

/** What looking at one thing showed. `advice`: what to do, where there is something to do. */
export interface Finding {
  readonly status: "ok" | "warning" | "failed" | "skipped";
  readonly found: string;
  readonly advice?: string;
}

export interface Step {
  /** One or two words: "TLS". */
  readonly name: string;
  /** `over` fires when nobody waits for it any more. */
  look(over: AbortSignal): Promise<Finding>;
}

export const ok = (found: string): Finding => ({ status: "ok", found });
export const warning = (found: string, advice: string): Finding => ({ status: "warning", found, advice });
export const failed = (found: string, advice: string): Finding => ({ status: "failed", found, advice });
export const skipped = (found: string): Finding => ({ status: "skipped", found });

const patience = 10_000;

/** Never rejects: what a step rejects with is what it found. */
export async function lookAt(step: Step, { timers }: Runtime, signal: AbortSignal): Promise<Finding> {
  const over = new AbortController();
  const late = new Promise<Finding>((resolve) => {
    const found = failed(`nothing came within ${patience / 1_000} s`, "Something on the way swallows packets: a firewall, a proxy, a wrong address.");
    const cancel = timers.after(patience, () => resolve(found));
    over.signal.addEventListener("abort", cancel, { once: true });
  });
  try {
    return await Promise.race([step.look(AbortSignal.any([signal, over.signal])), late]);
  } catch (error) {
    const { message, advice } = reportOf(error);
    return failed(message, (isTightbeamError(error) ? doctorsAdvice(error.code) : advice) ?? "See docs/errors.md.");
  } finally {
    over.abort();
  }
}
