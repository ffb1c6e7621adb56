// The warehouse: books each order once, whatever becomes of its process.
import { setTimeout as wait } from "node:timers/promises";
import type { Agent } from "@tightbeam/core";
import { type Books, order } from "./contract.js";

/** `begun` hears of each handler that begins. Resolves with what reads the books, as far as they are on disk. */
export async function openWarehouse(agent: Agent, begun: (number: number) => void): Promise<() => Books> {
  let books = ((await agent.restore("books")) ?? { numbers: [], pieces: 0 }) as Books;
  let kept = books;
  agent.handle(
    order,
    async ({ number, pieces }, context) => {
      begun(number);
      await wait(2);
      books = { numbers: [...books.numbers, number], pieces: books.pieces + pieces };
      // The books and the mark of this order are written in one batch: both are there after a crash, or neither.
      await context.commit(books, { name: "books" });
      kept = books;
    },
    { ordered: true },
  );
  return () => kept;
}
