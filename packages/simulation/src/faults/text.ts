import type { Fault } from "./types.js";

/** One line for people. */
export function faultText(fault: Fault): string {
  const { kind, at } = fault;
  const when = "for" in fault ? `${at} to ${at + fault.for} ms` : `at ${at} ms`;
  const id = fault.id === undefined ? "" : `#${fault.id} `;
  return `${id}${kind} ${whom(fault)}, ${when}`;
}

function whom(fault: Fault): string {
  switch (fault.kind) {
    case "jump":
      return `of ${fault.agent}'s wall clock by ${fault.by} ms`;
    case "drift":
      return `of ${fault.agent}'s clocks to ${fault.rate}`;
    case "partition":
      return `between ${fault.from} and ${fault.to}`;
    case "oneWay":
      return `from ${fault.from} to ${fault.to}`;
    case "cut":
    case "crash":
    case "pause":
      return fault.agent;
    case "full":
    case "torn":
    case "fsync":
    case "rot":
    case "header":
      return `on ${fault.agent}'s disk`;
    case "flap":
      return `${fault.agent} every ${fault.ms ?? 200} ms`;
    default:
      return `${Math.round(fault.probability * 100)} % from ${fault.from} to ${fault.to}`;
  }
}
