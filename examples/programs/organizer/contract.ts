// What an organizer does, and what it asks of whoever supervises it.
import { contract, method, topic } from "@tightbeam/core";
import { z } from "zod";

/** Twice is once: what has been moved is not there to be moved again. So a call goes on with the next organizer when one dies. */
const organize = method("organize", {
  input: z.object({ folder: z.string() }),
  output: z.object({ moved: z.int(), deleted: z.int(), kept: z.int() }),
  idempotent: true,
});
const progress = topic("progress", z.object({ file: z.string(), done: z.int(), total: z.int() }));

export const organizing = contract({ name: "organizing", version: 1, methods: { organize, progress } });

/** The organizer asks before it does what cannot be undone. */
export const approve = method("approve", { input: z.object({ file: z.string(), because: z.string() }), output: z.object({ yes: z.boolean() }) });
