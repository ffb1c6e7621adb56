import { type AgentTelemetry, createAgent, createAuthority } from "@tightbeam/core";
import { connectMemory, createHub } from "@tightbeam/memory";
import { expect, test } from "vitest";
import { insideOf } from "../../packages/core/src/patterns/inside.js";
import { type Measured, measure, more } from "./cost/variants.js";

const kinds = ["request", "notification", "confirmed", "frame"];
/** The smallest object with one field. */
const objectBytes = 16;

test("with nobody listening and no tracer, a message allocates what it would without the hooks; an object more for each would be seen", {
  timeout: 120_000,
}, async () => {
  const [own, without, planted] = (await Promise.all([measure("as it is"), measure("without hooks"), measure("with an object for each message")])) as [
    Measured,
    Measured,
    Measured,
  ];
  expect(without.changes).toBeGreaterThan(30);
  expect(planted.changes).toBeGreaterThan(5);
  for (const kind of kinds) {
    expect([kind, Math.abs(more(own, without, kind)) < objectBytes]).toEqual([kind, true]);
    expect([kind, more(planted, without, kind) >= objectBytes]).toEqual([kind, true]);
  }
});

test("with nobody listening, hooks are asked a few times for each message and call nothing; so again when the last listener has left", async () => {
  const authority = await createAuthority();
  const hub = createHub();
  const join = async (id: string) =>
    createAgent({ identity: await authority.enroll(id), trust: authority.trust(), transport: await connectMemory(hub), presence: false });
  const [alice, bob] = [await join("alice"), await join("bob")];
  alice.handle("echo", (input) => input);
  await bob.request("alice", "echo", 1);
  let asked = 0;
  for (const { taps } of [insideOf(alice).host, insideOf(bob).host])
    for (const name of ["messages", "tracing", "link"] as const) {
      let value: unknown = taps[name];
      expect(value).toBeUndefined();
      const counted = {
        get() {
          asked++;
          return value;
        },
        set(next: unknown) {
          value = next;
        },
      };
      Object.defineProperty(taps, name, counted);
    }
  const messages = 100;
  const perMessage = async (): Promise<number> => {
    asked = 0;
    for (let n = 0; n < messages; n++) await bob.request("alice", "echo", n);
    return asked / messages;
  };
  const silent = await perMessage();
  // Both sides, the reply and the frames with acknowledgements alone counted in.
  expect(silent).toBeGreaterThan(4);
  expect(silent).toBeLessThan(20);
  let heard = 0;
  const stops = [alice, bob].map(({ telemetry }: { telemetry: AgentTelemetry }) => telemetry.on(() => void heard++));
  await bob.request("alice", "echo", 1);
  expect(heard).toBeGreaterThan(8);
  for (const stop of stops) stop();
  for (const { taps } of [insideOf(alice).host, insideOf(bob).host])
    expect([taps.messages, taps.tracing, taps.link]).toEqual([undefined, undefined, undefined]);
  const before = heard;
  expect(await perMessage()).toBeLessThan(20);
  expect(heard).toBe(before);
  await Promise.all([alice.close(), bob.close()]);
});
