import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { address, createInbox, frameOverheadBytes, type InboxOptions, type Receive } from "@tightbeam/core/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const at = address("inbox", "test");
const frame = (value: number, bytes = 1) => new Uint8Array(bytes).fill(value);

function setUp(receive: Receive, options: Partial<InboxOptions> = {}) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const drops: { frames: number; bytes: number }[] = [];
  const inbox = createInbox({ at, receive, timers: runtime.timers, onDropped: ({ frames, bytes }) => void drops.push({ frames, bytes }), ...options });
  return { runtime, inbox, drops };
}

function stoppable() {
  let go = () => {};
  const wait = () =>
    new Promise<void>((resolve) => {
      go = resolve;
    });
  return { wait, go: () => go() };
}

const fail = (): never => {
  throw new Error("receiver");
};
// biome-ignore lint/suspicious/noThenProperty: what is not a real promise may behave like this
const withThen = (then: PropertyDescriptor) => Object.defineProperty({}, "then", then) as Promise<void>;

describe("an inbox", () => {
  it("hands over on a later turn, all that is queued in one", () => {
    const got: number[] = [];
    const { runtime, inbox } = setUp((one) => void got.push(one[0] as number));
    for (let i = 0; i < 5; i += 1) expect(inbox.push(frame(i))).toBe(true);
    expect(got).toEqual([]);
    runtime.advanceSync(0);
    expect(got).toEqual([0, 1, 2, 3, 4]);
  });

  it("schedules one turn for many frames, and waits for no promise when receive returns none", () => {
    const queued: (() => void)[] = [];
    const timers = { after: () => () => {}, turn: (run: () => void) => void queued.push(run), soon: () => fail() };
    const got: number[] = [];
    // A receiver may return anything where void is due.
    const inbox = createInbox({ at, receive: (one) => void got.push(one[0] as number) as undefined, timers, onDropped: () => {} });
    for (let i = 0; i < 200; i += 1) inbox.push(frame(i));
    expect(queued.length).toBe(1);
    queued.shift()?.();
    expect(got.length).toBe(200);
    expect(queued.length).toBe(0);
  });

  it("hands over in this turn what another process sent", () => {
    const queued: (() => void)[] = [];
    const timers = { after: () => () => {}, turn: () => fail(), soon: (run: () => void) => void queued.push(run) };
    const got: number[] = [];
    const inbox = createInbox({ at, receive: (one) => void got.push(one[0] as number), timers, onDropped: () => {} });
    inbox.push(frame(1), true);
    inbox.push(frame(2), true);
    expect([got, queued.length]).toEqual([[], 1]);
    queued.shift()?.();
    expect(got).toEqual([1, 2]);
  });

  it("keeps a frame that comes during the hand-over for the next turn", () => {
    const got: number[] = [];
    const queued: (() => void)[] = [];
    const timers = { after: () => () => {}, turn: (run: () => void) => void queued.push(run), soon: () => fail() };
    const inbox = createInbox({
      at,
      timers,
      onDropped: () => {},
      receive: (one) => {
        got.push(one[0] as number);
        if (got.length === 1) inbox.push(frame(9));
      },
    });
    inbox.push(frame(1));
    queued.shift()?.();
    expect(got).toEqual([1]);
    queued.shift()?.();
    expect(got).toEqual([1, 9]);
    expect(queued).toEqual([]);
  });

  it("waits for the promise before the next frame", async () => {
    const got: number[] = [];
    const { wait, go } = stoppable();
    const { runtime, inbox } = setUp((one) => {
      got.push(one[0] as number);
      return wait();
    });
    inbox.push(frame(1));
    inbox.push(frame(2));
    await runtime.advance(10);
    inbox.push(frame(3));
    await runtime.advance(10);
    expect(got).toEqual([1]);
    go();
    await runtime.advance(10);
    expect(got).toEqual([1, 2]);
    go();
    await runtime.advance(10);
    expect(got).toEqual([1, 2, 3]);
  });

  it.each<[string, () => Promise<void>]>([
    ["throws", fail],
    ["rejects", () => Promise.reject(new Error("receiver"))],
    ["returns a thenable that throws", () => withThen({ value: fail })],
    ["returns an object whose then cannot be read", () => withThen({ get: fail })],
  ])("goes on after a receiver that %s", async (_, misbehave) => {
    const got: number[] = [];
    const { runtime, inbox } = setUp((one) => {
      got.push(one[0] as number);
      return got.length === 1 ? misbehave() : undefined;
    });
    inbox.push(frame(1));
    inbox.push(frame(2));
    await runtime.advance(10);
    expect(got).toEqual([1, 2]);
  });

  it("drops the newest when full, tells once per turn, and takes frames again when there is room", () => {
    const got: number[] = [];
    const cost = 10 + frameOverheadBytes;
    const { runtime, inbox, drops } = setUp((one) => void got.push(one[0] as number), { maxBytes: 3 * cost });
    expect([1, 2, 3, 4, 5].map((value) => inbox.push(frame(value, 10)))).toEqual([true, true, true, false, false]);
    expect(drops).toEqual([]);
    runtime.advanceSync(0);
    expect(got).toEqual([1, 2, 3]);
    expect(drops).toEqual([{ frames: 2, bytes: 20 }]);
    expect(inbox.push(frame(6, 10))).toBe(true);
    runtime.advanceSync(0);
    expect(got).toEqual([1, 2, 3, 6]);
  });

  it("bounds empty frames too", () => {
    const { inbox } = setUp(() => {}, { maxBytes: 10 * frameOverheadBytes });
    const taken = Array.from({ length: 100 }, () => inbox.push(new Uint8Array(0))).filter(Boolean);
    expect(taken.length).toBe(10);
  });

  it("holds 4 MiB by default", () => {
    const { inbox } = setUp(() => {});
    let taken = 0;
    while (taken < 10_000 && inbox.push(new Uint8Array(1024 - frameOverheadBytes))) taken += 1;
    expect(taken).toBe(4096);
  });

  it("hands over nothing after close, also when closed by its receiver", async () => {
    const got: number[] = [];
    const { runtime, inbox } = setUp((one) => {
      got.push(one[0] as number);
      inbox.close();
    });
    inbox.push(frame(1));
    inbox.push(frame(2));
    await runtime.advance(10);
    expect(got).toEqual([1]);
    expect(inbox.push(frame(3))).toBe(false);
    await runtime.advance(10);
    expect(got).toEqual([1]);
  });

  it("TM-74 is bounded, in order, and accounts for every frame, whatever happens", async () => {
    const step = fc.oneof(fc.record({ push: fc.integer({ min: 0, max: 300 }) }), fc.constant({ turn: true as const }), fc.constant({ finish: true as const }));
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.boolean(), async (steps, slow) => {
        const maxBytes = 1_000;
        const sent: Uint8Array[] = [];
        const got: Uint8Array[] = [];
        const { wait, go } = stoppable();
        const { runtime, inbox, drops } = setUp(
          (one) => {
            got.push(one);
            return slow ? wait() : undefined;
          },
          { maxBytes },
        );
        let refused = 0;
        for (const one of steps) {
          if ("push" in one) {
            const next = new Uint8Array(one.push);
            if (inbox.push(next)) sent.push(next);
            else refused += 1;
            const held = sent.slice(got.length).reduce((sum, { byteLength }) => sum + byteLength + frameOverheadBytes, 0);
            expect(held).toBeLessThanOrEqual(maxBytes);
          } else if ("turn" in one) runtime.advanceSync(1);
          else {
            go();
            await Promise.resolve();
          }
        }
        for (let i = 0; i <= sent.length && got.length < sent.length; i += 1) {
          runtime.advanceSync(1);
          go();
          await Promise.resolve();
          await Promise.resolve();
        }
        runtime.advanceSync(1);
        expect(got.length).toBe(sent.length);
        expect(got.every((one, index) => one === sent[index])).toBe(true);
        expect(drops.reduce((sum, { frames }) => sum + frames, 0)).toBe(refused);
      }),
      { numRuns: 200 },
    );
  });
});
