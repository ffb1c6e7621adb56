// What a shop and a warehouse say to each other.
import { method } from "@tightbeam/core";
import { z } from "zod";

/** Durable: when `notify` has resolved the order is on the shop's disk, and will be handled whoever dies in between. */
export const order = method("order", { input: z.object({ number: z.int(), pieces: z.int() }), durable: true });

/** The warehouse's books. */
export interface Books {
  /** The numbers of all orders, as they were booked. */
  readonly numbers: readonly number[];
  readonly pieces: number;
}

/** ms. Hints that are this close together tell the shop soon that the warehouse is back. */
export const presence = { every: 200 };
