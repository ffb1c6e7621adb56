import { expect, test } from "vitest";
import { sayGoodbye } from "../../src/link/closing.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import type { Session } from "../../src/secure/types.js";
import { TransportError, type TransportErrorCode } from "../../src/transport/transport.js";

/** Says goodbye through a transport that fails the first `fails` times. */
async function say(code: TransportErrorCode, fails: number) {
  const runtime = createVirtualRuntime({ seed: 1 });
  let tried = 0;
  let sent = 0;
  let over = false;
  const goodbye = sayGoodbye({
    runtime,
    session: { seal: (plain: Uint8Array) => plain, end: () => undefined } as unknown as Session,
    code: "closed",
    answering: false,
    send: async () => {
      if (tried++ < fails) throw new TransportError(code, "Not now.");
      sent++;
    },
    onOver: () => undefined,
  });
  void goodbye.over.then(() => (over = true));
  await runtime.advance(100);
  const soon = { sent, over };
  await runtime.advance(10_000);
  return { soon, tried, over };
}

test("a transport that is away for a moment is told again: the goodbye is said when it is back", async () => {
  expect(await say("unavailable", 1)).toEqual({ soon: { sent: 1, over: false }, tried: 5, over: true });
  // Bounded, also when it does not come back.
  expect(await say("unavailable", Number.POSITIVE_INFINITY)).toEqual({ soon: { sent: 0, over: false }, tried: 5, over: true });
});

test("one that has ended is not told again", async () => {
  for (const code of ["closed", "denied", "failed"] as const) expect(await say(code, 1)).toEqual({ soon: { sent: 0, over: true }, tried: 1, over: true });
});
