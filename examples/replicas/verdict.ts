// What would make the example a failure.
import { charge, resize } from "./contract.js";
import type { Kind, Load, Outcome } from "./load.js";

export interface Verdict {
  readonly asked: number;
  readonly answered: number;
  /** `charge` whose worker died with it: the caller knows that it may have run. */
  readonly unknown: number;
  /** Requests without any outcome, answered with another's answer, or answered although no handler ran. */
  readonly lost: number;
  /** `charge` without a key that ran more than once. */
  readonly doubled: number;
  /** What else went wrong, each in a sentence. */
  readonly faults: readonly string[];
}

type Runs = (method: string) => ReadonlyMap<number, number>;

export function judge(load: Pick<Load, "outcomes" | "asked" | "mixedUp">, runs: Runs): Verdict {
  const { outcomes, asked, mixedUp } = load;
  const answered = outcomes.filter(({ failed }) => failed === undefined);
  const failed = outcomes.filter((one): one is Outcome & { readonly failed: string } => one.failed !== undefined);
  const ran = (kind: Kind, n: number): number => runs(kind === "resize" ? resize.name : charge.name).get(n) ?? 0;
  const lost = asked - new Set(outcomes.map(({ n }) => n)).size + mixedUp + answered.filter(({ kind, n }) => ran(kind, n) === 0).length;
  const doubled = outcomes.filter(({ kind, n }) => kind === "charge" && ran(kind, n) > 1).length;
  const expected = (one: (typeof failed)[number]): boolean => one.kind === "charge" && one.failed === "delivery_unknown";
  const faults = failed.filter((one) => !expected(one)).map(({ n, kind, failed: code }) => `Request ${n} (${kind}) failed with ${code}.`);
  if (lost > 0) faults.push(`${lost} requests were lost.`);
  if (doubled > 0) faults.push(`${doubled} requests that may run once only ran twice.`);
  return { asked, answered: answered.length, unknown: failed.filter(expected).length, lost, doubled, faults: faults.slice(0, 5) };
}
