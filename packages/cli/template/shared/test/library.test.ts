import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type Agent, createAgent, createAuthority } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { library } from "../src/contract.js";
import { serveLibrary } from "../src/librarian.js";
import { readSomething } from "../src/reader.js";

// The same agents, encrypted the same way, on a network that is one object in this process.
let librarian: Agent;
let reader: Agent;

beforeEach(async () => {
  const authority = await createAuthority();
  const hub = createHub();
  const join = async (id: string) => createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub) });
  librarian = await join("librarian");
  reader = await join("reader");
  serveLibrary(librarian);
});

afterEach(async () => {
  await Promise.all([librarian.close(), reader.close()]);
});

test("the reader finds a book and reads it", async () => {
  const said: string[] = [];
  await readSomething(reader, (line) => said.push(line));
  assert.deepEqual(said, ["found On Links (2 p.), On Keys (2 p.)", "read: A link outlives its connections. It ends when one of its two ends does."]);
});

test("an event reaches whoever subscribed", async () => {
  const titles: string[] = [];
  const arrivals = await reader.peer("librarian", library).subscribe.arrived(({ title }) => titles.push(title), { ready: 1 });
  await librarian.publish(library.methods.arrived, { title: "On Relays", pages: 1 });
  await reader.peer("librarian", library).find({ text: "on" });
  assert.deepEqual(titles, ["On Relays"]);
  await arrivals.unsubscribe();
});

test("input that does not fit never reaches the librarian", async () => {
  await assert.rejects(reader.peer("librarian", library).find({ text: "" }), { code: "invalid_input" });
  await assert.rejects(reader.request("librarian", "library.find@1", { text: 7 }), { code: "invalid_input" });
});
