import type { Check } from "./check.js";
import { describe, readOperations } from "./operations.js";

export const settled: Check = {
  name: "settled",
  claim: "Every operation settles, and once: by the end of the second phase, unless its process was killed.",
  run(outcome) {
    const died = new Set(
      outcome.trace.flatMap((event) => (event.type === "process" && event.what === "crashed" ? [`${event.agent}/${event.incarnation}`] : [])),
    );
    return readOperations(outcome).operations.flatMap((operation) => {
      const times = operation.settled.length;
      if (times > 1) return [`${describe(operation)} settled ${times} times`];
      return times === 1 || died.has(`${operation.agent}/${operation.incarnation}`) ? [] : [`${describe(operation)} did not settle`];
    });
  },
};

/** So many failures of handlers are told with a program that failed. */
const mostThrown = 5;

export const programs: Check = {
  name: "programs",
  claim: "Every program ends by the end of the second phase, and none fails.",
  run({ trace, drainedAt, endedAt }) {
    const failed = trace.flatMap((event) =>
      event.type === "process" && event.what === "failed" ? [`${event.agent}/${event.incarnation} failed: ${event.text}`] : [],
    );
    // What a handler throws stays on its side: without it a caller's `handler_failed` says nothing.
    const thrown = trace.flatMap((event) =>
      event.type === "log" && event.what === "handler_failed" ? [`${event.agent}/${event.incarnation}: ${event.text}`] : [],
    );
    if (failed.length > 0) failed.push(...thrown.slice(0, mostThrown));
    return drainedAt === undefined ? [...failed, `not everything had come to its end at ${endedAt} ms`] : failed;
  },
};
