// The first example of the README as a program: run it with
//   node --import tsx --conditions=@tightbeam/source examples/quickstart.ts
import { createAgent, createAuthority, method } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { z } from "zod";

const summarize = method("summarize", { input: z.object({ text: z.string() }), output: z.object({ summary: z.string() }) });
const remember = method("remember", { input: z.object({ note: z.string() }) });

const authority = await createAuthority({ issuer: "https://auth.example" });
const trust = authority.trust();
const hub = createHub();
const alice = await createAgent({ identity: await authority.enroll("alice"), trust, transport: await connectMemory(hub) });
const bob = await createAgent({ identity: await authority.enroll("bob"), trust, transport: await connectMemory(hub) });

const notes: string[] = [];
alice.handle(summarize, async ({ text }) => ({ summary: text.slice(0, 9) }));
alice.handle(remember, ({ note }) => void notes.push(note));

const { summary } = await bob.request("alice", summarize, { text: "Tightbeam links agents." });
console.log(summary); // prints: Tightbeam

await bob.notify("alice", remember, { note: "Bob was here." }, { confirm: "done" });
console.log(notes[0]); // prints: Bob was here.

await bob.close();
await alice.close();

if (summary !== "Tightbeam" || notes.join() !== "Bob was here.") throw new Error("The example does not do what it says.");
