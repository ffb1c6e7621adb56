import { isTightbeamError, method } from "@tightbeam/core";
import { z } from "zod";
import { createChecks, type Example } from "./example.js";

const add = method("add", { input: z.object({ a: z.number(), b: z.number() }), output: z.object({ sum: z.number() }), idempotent: true });
const remember = method("remember", { input: z.object({ note: z.string().max(40) }) });

export const requestReply: Example = {
  name: "request-reply",
  about: "Typed requests both ways, a notification, and the errors a caller can get.",
  async run(place, { line }) {
    const { faults, check } = createChecks();
    const alice = await place.join("alice");
    const bob = await place.join("bob");
    const notes: string[] = [];
    alice.handle(add, ({ a, b }) => ({ sum: a + b }));
    alice.handle(remember, ({ note }, { peer }) => void notes.push(`${peer.id}: ${note}`));

    const { sum } = await bob.request("alice", add, { a: 19, b: 23 });
    line(`  bob asks alice for 19 + 23: ${sum}`);
    check(sum === 42, "the sum should be 42");

    const sums = await Promise.all(Array.from({ length: 1_000 }, (_, n) => bob.request("alice", add, { a: n, b: 1 })));
    line(`  1,000 requests at once: ${sums.length} replies`);
    check(
      sums.every((reply, n) => reply.sum === n + 1),
      "every reply should belong to its request",
    );

    await bob.notify("alice", remember, { note: "Bob was here." }, { confirm: "done" });
    line(`  alice remembers "${notes[0]}"`);
    check(notes.join() === "bob: Bob was here.", "alice should have one note, from bob");

    const codes = [
      await codeOf(bob.request("alice", "divide", {})),
      await codeOf(bob.request("alice", "add", { a: "19", b: 23 })),
      await codeOf(bob.request("nobody", add, { a: 1, b: 1 }, { timeout: 300 })),
    ];
    line(`  no such method: ${codes[0]}; a wrong type: ${codes[1]}; nobody of that name: ${codes[2]}`);
    check(codes.join() === "no_handler,invalid_input,no_answer", "the errors should be no_handler, invalid_input, no_answer");
    return faults;
  },
};

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => (isTightbeamError(error) ? error.code : String(error)),
  );
