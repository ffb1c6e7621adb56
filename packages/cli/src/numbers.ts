import { InvalidArgumentError, Option } from "commander";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A parser for commander: `500ms`, `30s`, `5m`, `2h`; a bare number is ms. */
export function duration(text: string): number {
  const [, digits = "", unit = "ms"] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (digits === "") throw new InvalidArgumentError("A time looks like 500ms, 30s, 5m or 2h.");
  return Math.round(Number(digits) * (units[unit] ?? 1));
}

/** An option for a time, which help tells as people write it: `60s`. */
export const timeOption = (flags: string, text: string, standard: string): Option =>
  new Option(flags, text).argParser(duration).default(duration(standard), standard);

/** A parser for commander. */
export const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
    return value;
  };

/** ms as people read them. */
export function spoken(ms: number): string {
  const size = Math.abs(ms);
  if (size < 1_000) return `${Number(ms.toPrecision(3))} ms`;
  if (size < 120_000) return `${Number((ms / 1_000).toPrecision(3))} s`;
  if (size < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (size < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}
