import { type Agent, TightbeamError } from "@tightbeam/core";
import { type Book, library } from "./contract.js";

const texts = new Map([
  ["On Links", "A link outlives its connections. It ends when one of its two ends does."],
  ["On Keys", "A key that is never sent cannot be stolen on the way."],
]);

/** Answers the contract. Throws nothing but what callers should see. */
export function serveLibrary(agent: Agent): void {
  const books = (): Book[] => [...texts].map(([title, text]) => ({ title, pages: Math.ceil(text.length / 40) }));
  agent.serve(library, {
    find: ({ text }) => books().filter(({ title }) => title.toLowerCase().includes(text.toLowerCase())),
    async *read({ title }) {
      const text = texts.get(title);
      if (text === undefined) throw new TightbeamError("invalid_input", `There is no book '${title}'.`);
      for (const word of text.split(" ")) yield word;
    },
  });
}
