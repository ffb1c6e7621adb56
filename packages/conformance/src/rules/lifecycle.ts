import type { StateChange, Transport } from "@tightbeam/core/transport";
import type { Rule } from "../rule.js";
import { codeOf, collect, cutAndNotice, inboxOf, must, mustReject, numbered, restoreAndNotice, sendUntil, subscribe } from "./pieces.js";

const smallestMaxFrameBytes = 20 * 1024;

export const lifecycle: readonly Rule[] = [
  {
    id: "T1/usable-at-once",
    clause: "T1",
    title: "a transport that exists is up, says what it can, and sends and subscribes at once",
    lossless: false,
    async run(context) {
      const transport = await context.connect("a");
      must(transport.state.current === "up", "a new transport is not up");
      const { maxFrameBytes, groups, fanout, frontBytes = 1, bestFrameBytes = maxFrameBytes } = transport.capabilities;
      must(Number.isSafeInteger(maxFrameBytes) && maxFrameBytes >= smallestMaxFrameBytes, `capabilities.maxFrameBytes is ${maxFrameBytes}, under 20 KiB`);
      must(Number.isInteger(frontBytes) && frontBytes >= 1 && frontBytes <= 512, `capabilities.frontBytes is ${frontBytes}, not 1 to 512`);
      must(Number.isSafeInteger(bestFrameBytes) && bestFrameBytes >= smallestMaxFrameBytes, `capabilities.bestFrameBytes is ${bestFrameBytes}, under 20 KiB`);
      must(typeof groups === "boolean" && typeof fanout === "boolean", "capabilities.groups and .fanout are booleans");
      const at = inboxOf("a", "first");
      const numbers = await collect(context, transport, at);
      await sendUntil(context, transport, at, () => numbers.length > 0, "a frame sent right after connecting");
    },
  },
  {
    id: "T1/comes-back",
    clause: "T1",
    title: "it goes down with the medium, comes back by itself and still has its subscriptions",
    lossless: false,
    async run(context) {
      const transport = await context.connect("a");
      const changes: StateChange[] = [];
      transport.state.subscribe((change) => void changes.push(change));
      const at = inboxOf("a", "kept");
      const numbers = await collect(context, transport, at);
      await cutAndNotice(context, transport);
      await restoreAndNotice(context, transport);
      const told = changes.map(({ type }) => type).filter((type) => type === "up" || type === "down");
      must(told[0] === "down" && told.at(-1) === "up", `state told [${told.join(", ")}] of a cut and its repair`);
      await sendUntil(context, transport, at, () => numbers.length > 0, "a frame to a subscription made before the cut");
    },
  },
  {
    id: "T1/subscriptions-first",
    clause: "T1",
    title: "the first send that succeeds after a cut finds the subscriptions restored",
    lossless: true,
    async run(context) {
      const transport = await context.connect("a");
      const at = inboxOf("a", "kept");
      const numbers = await collect(context, transport, at);
      await cutAndNotice(context, transport);
      await context.restore();
      const accepted: number[] = [];
      let value = 0;
      await context.eventually(() => {
        value += 1;
        const mine = value;
        transport.send(at, numbered(mine)).then(
          () => accepted.push(mine),
          () => undefined,
        );
        return accepted.length > 0;
      }, "a send that succeeds after the medium was restored");
      await context.eventually(() => numbers.includes(accepted[0] as number), "the first frame that was accepted after the cut");
    },
  },
  {
    id: "T1/state-listeners",
    clause: "T1",
    title: "a state listener that throws keeps the news from nobody, and one that left hears nothing",
    lossless: false,
    async run(context) {
      const transport = await context.connect("a");
      let heard = 0;
      let afterLeaving = 0;
      transport.state.subscribe(() => {
        throw new Error("from a listener of the transport suite");
      });
      transport.state.subscribe(() => {
        heard += 1;
      });
      transport.state.subscribe(() => {
        afterLeaving += 1;
      })();
      await cutAndNotice(context, transport);
      must(heard > 0, "a listener heard nothing of the cut because another one threw");
      must(afterLeaving === 0, "a listener that had left was called");
    },
  },
  {
    id: "T1/closed-is-terminal",
    clause: "T1",
    title: "a closed transport stays closed, whatever the medium does",
    lossless: false,
    async run(context) {
      const transport = await context.connect("a");
      const at = inboxOf("a", "gone");
      await collect(context, transport, at);
      await context.within(transport.close(), "close()");
      must(transport.state.current === "down", "a closed transport says it is up");
      await context.cut();
      await context.restore();
      await context.settle();
      must((transport.state.current as string) === "down", "a closed transport came up again");
      await mustReject(context, transport.send(at, numbered(1)), "closed", "send after close()");
      await mustReject(
        context,
        transport.subscribe(at, () => {}),
        "closed",
        "subscribe after close()",
      );
    },
  },
  {
    id: "T2/close-settles",
    clause: "T2",
    title: "close() settles, however often it is called, and `closed` resolves with undefined",
    lossless: false,
    async run(context) {
      const transport = await context.connect("a");
      const unsubscribe = await subscribe(context, transport, inboxOf("a", "one"), () => {});
      await mustBeOpen(transport);
      await context.within(Promise.all([transport.close(), transport.close()]), "close() twice at once");
      must((await context.within(transport.closed, "`closed` after close()")) === undefined, "`closed` gives a cause after close()");
      await context.within(transport.close(), "close() again");
      await context.within(unsubscribe(), "unsubscribing after close()");
    },
  },
  {
    id: "T2/close-while-down",
    clause: "T2",
    title: "close() settles while the medium is gone",
    lossless: false,
    async run(context) {
      const transport = await context.connect("a");
      await subscribe(context, transport, inboxOf("a", "one"), () => {});
      await cutAndNotice(context, transport);
      await mustBeOpen(transport);
      await context.within(transport.close(), "close() on a medium that is gone");
      must((await context.within(transport.closed, "`closed`")) === undefined, "`closed` gives a cause after close()");
    },
  },
  {
    id: "T2/pending-rejects",
    clause: "T2",
    title: "a subscribe that waits for the medium does not resolve before it is back, and rejects at the end",
    lossless: false,
    async run(context) {
      const transport = await context.connect("a");
      await cutAndNotice(context, transport);
      let resolved = false;
      const pending = transport.subscribe(inboxOf("a", "late"), () => {});
      pending.then(
        () => {
          resolved = true;
        },
        () => undefined,
      );
      await context.settle();
      must(!resolved, "subscribe resolved while the medium was gone, so frames cannot arrive");
      await context.within(transport.close(), "close()");
      const code = await codeOf(context, pending, "a subscribe that waited when the transport ended");
      must(code === "closed" || code === "unavailable", `a subscribe that waited rejected with "${code}"`);
    },
  },
];

async function mustBeOpen(transport: Transport): Promise<void> {
  const open = Symbol("open");
  must((await Promise.race([transport.closed, Promise.resolve(open)])) === open, "`closed` settled before the end");
}
