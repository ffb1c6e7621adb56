// What the workers do and the caller asks for.
import { method } from "@tightbeam/core";
import { z } from "zod";

const task = z.object({ n: z.int().nonnegative() });
const done = z.object({ n: z.int(), pid: z.int() });

/** Twice would be twice the money: it is never sent again, unless the caller gives it a key under which the worker could recognise it. */
export const charge = method("charge", { input: task, output: done });

/** Twice does what once does, and the contract says so. */
export const resize = method("resize", { input: task, output: done, idempotent: true });

/** How long a silent worker counts as one that may come back, ms. */
export const goneAfter = 2_000;
