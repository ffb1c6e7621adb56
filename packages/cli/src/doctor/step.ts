import { setTimeout as wait } from "node:timers/promises";
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
  look(): Promise<Finding>;
}

export const ok = (found: string): Finding => ({ status: "ok", found });
export const warning = (found: string, advice: string): Finding => ({ status: "warning", found, advice });
export const failed = (found: string, advice: string): Finding => ({ status: "failed", found, advice });
export const skipped = (found: string): Finding => ({ status: "skipped", found });

const patience = 10_000;

/** Never rejects: what a step rejects with is what it found. */
export async function lookAt(step: Step, signal: AbortSignal): Promise<Finding> {
  const over = new AbortController();
  try {
    const late = wait(patience, undefined, { signal: AbortSignal.any([signal, over.signal]), ref: false }).then(() =>
      failed(`nothing came within ${patience / 1_000} s`, "Something on the way swallows packets: a firewall, a proxy, a wrong address."),
    );
    return await Promise.race([step.look(), late]);
  } catch (error) {
    const { message, advice } = reportOf(error);
    return failed(message, advice ?? "See docs/errors.md.");
  } finally {
    over.abort();
  }
}
