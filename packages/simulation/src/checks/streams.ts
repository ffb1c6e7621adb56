import type { Outcome } from "../outcome.js";
import type { ThroughEvent, TraceEvent } from "../trace.js";
import type { Check } from "./check.js";
import { describe, type Handling, type Operation, readOperations } from "./operations.js";

/** One end of a stream. */
interface End {
  readonly said: string[];
  readonly heard: string[];
  through: (ThroughEvent & Pick<TraceEvent, "at">) | undefined;
}

interface Talk {
  readonly operation: Operation;
  readonly caller: End;
  /** Undefined when its handler never began. */
  readonly call: Handling | undefined;
  readonly handler: End;
}

const silent = (): End => ({ said: [], heard: [], through: undefined });

/** Streams that can be told from others, with what was said and heard at both ends. */
function readTalks(outcome: Outcome): readonly Talk[] {
  const ends = new Map<string, End>();
  const endOf = (name: string): End => {
    const end = ends.get(name) ?? silent();
    ends.set(name, end);
    return end;
  };
  for (const event of outcome.trace) {
    if (event.type === "chunk") endOf(`${event.end} ${event.stream}`)[event.what].push(event.print);
    else if (event.type === "through") endOf(`${event.end} ${event.stream}`).through = event;
  }
  return readOperations(outcome).operations.flatMap((operation) => {
    if (operation.what !== "stream" || operation.alike.length > 1) return [];
    const [call] = operation.handled;
    return [{ operation, caller: endOf(`caller ${operation.operation}`), call, handler: call === undefined ? silent() : endOf(`handler ${call.call}`) }];
  });
}

function difference(said: readonly string[], heard: readonly string[]): string | undefined {
  const index = heard.findIndex((print, place) => print !== said[place]);
  if (index === -1) return undefined;
  const print = heard[index] as string;
  const what = heard.indexOf(print) < index ? "a second time" : said.includes(print) ? "out of turn" : "which nobody had said";
  return `chunk ${index} was heard ${what}`;
}

export const streamed: Check = {
  name: "streamed",
  claim: "What is heard of a stream is what was said, whole, in order and once, from its beginning on.",
  run: (outcome) =>
    readTalks(outcome).flatMap(({ operation, caller, handler }) =>
      [difference(handler.said, caller.heard), difference(caller.said, handler.heard)].flatMap((wrong) =>
        wrong === undefined ? [] : [`${describe(operation)}: ${wrong}`],
      ),
    ),
};

export const ended: Check = {
  name: "ended",
  claim:
    "A stream ends at both ends, and each is told the truth: with an end everything was heard, an output is what the handler returned, and what a handler failed with is heard after all that it said.",
  run(outcome) {
    const died = new Set(
      outcome.trace.flatMap((event) => (event.type === "process" && event.what === "crashed" ? [`${event.agent}/${event.incarnation}`] : [])),
    );
    return readTalks(outcome).flatMap((talk) => wrongsOf(talk, died).map((wrong) => `${describe(talk.operation)}: ${wrong}`));
  },
};

function wrongsOf({ operation, caller, call, handler }: Talk, died: ReadonlySet<string>): string[] {
  const wrongs: string[] = [];
  const must = (holds: boolean, wrong: string): void => void (holds || wrongs.push(wrong));
  const [end] = operation.settled;
  if (call !== undefined && call.ended === undefined) must(died.has(`${call.agent}/${call.incarnation}`), "its handler never came to an end");
  // What was heard to its end.
  const fine = end !== undefined && end.error === undefined;
  if (fine && caller.through !== undefined && caller.through.error === undefined)
    must(caller.heard.length === handler.said.length, `it ended well, and ${caller.heard.length} of ${handler.said.length} chunks were heard`);
  if (handler.through !== undefined && handler.through.error === undefined)
    must(
      caller.said.length === handler.heard.length,
      `the handler was told that it heard everything, and it was ${handler.heard.length} of ${caller.said.length} chunks`,
    );
  if (fine && call?.ended !== undefined) {
    must(!call.ended.failed, "it ended well, and its handler failed");
    must(end.print === call.ended.print, "its output is not what the handler returned");
  }
  if (end?.error === "handler_failed") {
    must(call?.ended?.failed === true, "it ended as if its handler had failed");
    if (caller.through?.error === "handler_failed")
      must(caller.heard.length === handler.said.length, `the handler's failure was heard after ${caller.heard.length} of ${handler.said.length} chunks`);
  }
  return wrongs;
}
