import type { Check } from "./check.js";
import { describe, type Operation, readOperations } from "./operations.js";

const isWaitedFor = ({ what, confirm }: Operation): boolean => what === "request" || what === "stream" || confirm === "done";

export const answered: Check = {
  name: "answered",
  claim: "What was answered, or confirmed as done, was handled before.",
  run(outcome) {
    return readOperations(outcome).operations.flatMap((operation) => {
      const [end] = operation.settled;
      // Sent to a kind it has no peer; what dead letters took is no call.
      if (end === undefined || end.error !== undefined || !isWaitedFor(operation) || operation.to === undefined || operation.durable) return [];
      return operation.handled.some((call) => call.ended !== undefined && call.ended.at <= end.at) ? [] : [`${describe(operation)} was answered by nobody`];
    });
  },
};

/** docs/guarantees.md, G-11: after these codes the handler did not run. */
const notRun = new Set(["undelivered", "no_answer", "forbidden", "rate_limited", "overloaded", "expired", "no_handler", "invalid_input"]);

export const truthful: Check = {
  name: "truthful",
  claim: "When an error says that the handler did not run, it did not (G-11).",
  run(outcome) {
    return readOperations(outcome).operations.flatMap((operation) => {
      const [end] = operation.settled;
      // Of several that are alike it cannot be told which one a call was for.
      if (end?.error === undefined || !notRun.has(end.error) || operation.what === "publish" || operation.alike.length > 1) return [];
      // A handler may throw such a code itself.
      const ran = operation.handled.find((call) => call.ended?.failed !== true);
      return ran === undefined ? [] : [`${describe(operation)} ended with ${end.error}, and was handled at ${ran.at.toFixed(1)} ms`];
    });
  },
};
