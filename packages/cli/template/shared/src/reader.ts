import type { Agent } from "@tightbeam/core";
import { library } from "./contract.js";

/** Finds a book and reads it. `say` gets each line. */
export async function readSomething(agent: Agent, say: (line: string) => void): Promise<void> {
  const librarian = agent.peer("librarian", library);
  const arrivals = await librarian.subscribe.arrived(({ title }) => say(`a new book: ${title}`), { ready: 1 });

  const found = await librarian.find({ text: "on" });
  say(`found ${found.map(({ title, pages }) => `${title} (${pages} p.)`).join(", ")}`);

  const words: string[] = [];
  for await (const word of librarian.read({ title: found[0]?.title ?? "" })) words.push(word);
  say(`read: ${words.join(" ")}`);

  await arrivals.unsubscribe();
}
