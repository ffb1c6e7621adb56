import { TestRunner } from "vitest";

/** What it takes to say so before the test is given up, with no more than that it timed out. */
const marginMs = 2_000;
/** A hook's own limit cannot be read: most have a minute. */
const hookMs = 50_000;

function left(): number {
  const test = TestRunner.getCurrentTest();
  const began = test?.result?.startTime;
  return began === undefined ? hookMs : Math.max(began + (test as { timeout: number }).timeout - marginMs - Date.now(), 0);
}

/** The same promise, which rejects with what `tell` says when it has not settled shortly before the running test times out, or after `ms`. */
export function inTime<T>(work: Promise<T>, tell: () => string, ms = left()): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(tell())), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
