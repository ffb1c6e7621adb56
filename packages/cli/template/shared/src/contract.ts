import { contract, method, stream, topic } from "@tightbeam/core";
import { z } from "zod";

const book = z.object({ title: z.string(), pages: z.int().positive() });

/** What the librarian does for others. Both sides import it: it types every call, and checks what comes over the network. */
export const library = contract({
  name: "library",
  version: 1,
  methods: {
    find: method("find", { input: z.object({ text: z.string().min(1).max(200) }), output: z.array(book), idempotent: true }),
    read: stream("read", { input: z.object({ title: z.string() }), chunk: z.string() }),
    arrived: topic("arrived", book),
  },
});

export type Book = z.infer<typeof book>;
