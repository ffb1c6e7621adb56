import { expect, test } from "vitest";
import { jsonLimits } from "../../src/codec/limits.js";
import { method } from "../../src/contract/index.js";
import { createIds } from "../../src/envelope/id.js";
import type { Link } from "../../src/link/link-types.js";
import { createCaller } from "../../src/patterns/caller.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";

test("requests end in their time when no id can be made to tell their peer", async () => {
  const runtime = createVirtualRuntime({ seed: 1 });
  const ids = createIds(runtime);
  let works = true;
  const working = <T>(make: () => T): T => {
    if (!works) throw new Error("no random bytes");
    return make();
  };
  const peer = { id: "bob", instance: "AAAAAAAAAAAAAAAAAAAAAA", limits: { maxMessageBytes: 1_000 } };
  const link = { peer, state: "up", awaited: 0, send: () => ({ giveUp: () => false }) } as unknown as Link;
  const caller = createCaller({
    runtime,
    ids: { text: (now) => working(() => ids.text(now)), bytes: (now) => working(() => ids.bytes(now)) },
    json: jsonLimits,
    find: () => link,
    choose: () => link,
    connect: () => Promise.resolve(link),
    observe: undefined,
    onMoved: () => undefined,
  });
  const ask = () => caller.request({ id: "bob" }, method("work"), undefined, { timeout: 100 }).catch((error: unknown) => error);
  const asked = [ask(), ask()];
  works = false;
  await runtime.advance(1_000);
  expect(await Promise.all(asked)).toMatchObject([{ code: "timeout" }, { code: "timeout" }]);
  expect([caller.waiting, link.awaited]).toEqual([0, 0]);
});
