// The table at the end, and what would make the demo a failure.
import type { BurstResult } from "./burst.js";
import { figure, milliseconds, type Screen } from "./screen.js";
import type { Stage } from "./stage.js";
import type { Evidence } from "./story.js";

export function showTable({ middle }: Stage, { heading, line, paint }: Screen, evidence: Evidence): void {
  const { burst, calm, reconnects, openAtStrikes } = evidence;
  heading("6. Result");
  const row = (name: string, value: string, right = true): void => line(`  ${name.padEnd(28)} ${right ? value : paint.bad(value)}`);
  row("messages", `${figure(burst.total)} requests, ${figure(burst.total - burst.lost)} replies`);
  row("lost", figure(burst.lost), burst.lost === 0);
  row("doubled", figure(doubledOf(burst, evidence)), doubledOf(burst, evidence) === 0);
  row(`outages of the ${middle}`, figure(openAtStrikes.length));
  row("reconnects", `alice ${reconnects.alice}, bob ${reconnects.bob}`);
  row("longest pause", milliseconds(burst.longestPause));
  line();
  line(paint.faint(`  ${"round trip".padEnd(28)} ${"p50".padStart(9)} ${"p99".padStart(9)}`));
  for (const [name, { count, p50, p99 }] of [
    ["one at a time", calm],
    ["at once, before the outage", burst.before],
    ["at once, all", burst.all],
  ] as const)
    line(`  ${name.padEnd(28)} ${milliseconds(p50).padStart(9)} ${milliseconds(p99).padStart(9)}   ${paint.faint(`${figure(count)} requests`)}`);
  line(paint.faint("  At once: all are asked in one go, so waiting in line is part of it."));
}

const doubledOf = (burst: BurstResult, { counted }: Evidence): number => burst.doubled + counted.repeated;

/** What went wrong, each in a sentence. Empty: the demo showed what it says. */
export function faults({ middle }: Stage, evidence: Evidence): string[] {
  const { burst, counted, reconnects, openAtStrikes, keysMatch, refusal, requestsRight, leaks } = evidence;
  const found: string[] = [];
  if (burst.lost > 0) found.push(`${figure(burst.lost)} of ${figure(burst.total)} requests have no reply (${burst.complaints.join("; ")}).`);
  if (burst.doubled > 0) found.push(`${figure(burst.doubled)} replies arrived more than once.`);
  if (counted.repeated > 0) found.push(`Alice's handler ran more than once for ${figure(counted.repeated)} requests.`);
  if (counted.numbers !== burst.total) found.push(`Alice saw ${figure(counted.numbers)} of ${figure(burst.total)} requests.`);
  if (!keysMatch) found.push("The two sides did not see the same keys or suite.");
  if (!requestsRight) found.push("A typed request got a wrong reply.");
  if (refusal !== "invalid_input") found.push(`A payload outside the schema should be refused with invalid_input; the answer was: ${refusal}.`);
  if (!openAtStrikes.some((open) => open > 0))
    found.push(`The burst was over before the ${middle} could be taken away, so the demo shows nothing: run it again.`);
  if (Math.min(reconnects.alice, reconnects.bob) < openAtStrikes.length) found.push("An agent did not come back after an outage.");
  for (const leak of leaks) found.push(`The tap: ${leak}.`);
  return found;
}
