import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { type Address, address, type StateChange } from "@tightbeam/core/transport";
import { connectMemory, createHub } from "@tightbeam/memory";
import { describe, expect, it } from "vitest";

const at = address("inbox", "a", "test");
const bytes = (...values: number[]) => Uint8Array.from(values);

function setUp(options: { maxFrameBytes?: number } = {}) {
  const runtime = createVirtualRuntime({ seed: 1 });
  return { runtime, hub: createHub({ runtime, ...options }) };
}

describe("the memory hub", () => {
  it("shows a tap every frame as a copy, before and after others come and go", async () => {
    const { runtime, hub } = setUp();
    const transport = await connectMemory(hub);
    const got: string[] = [];
    const seen: string[] = [];
    await transport.subscribe(at, (frame) => void got.push(frame.join()));
    hub.tap(() => {
      throw new Error("tap");
    });
    const untap = hub.tap((to, frame) => {
      seen.push(`${to} ${frame.join()}`);
      frame.fill(0);
    });
    const sent = bytes(1, 2);
    await transport.send(at, sent);
    untap();
    await transport.send(at, sent);
    await runtime.advance(1);
    expect(seen).toEqual([`${at} 1,2`]);
    expect(got).toEqual(["1,2", "1,2"]);
    expect(sent).toEqual(bytes(1, 2));
  });

  it("ends every transport for good when it closes, and what is pending with it", async () => {
    const { hub } = setUp();
    const [one, two] = [await connectMemory(hub), await connectMemory(hub)];
    const told: StateChange[] = [];
    one.state.subscribe((change) => void told.push(change));
    hub.cut();
    const waiting = two.subscribe(at, () => {});
    hub.close();
    const cause = await one.closed;
    expect(cause).toMatchObject({ code: "closed" });
    expect(await two.closed).toBe(cause);
    await expect(waiting).rejects.toMatchObject({ code: "closed", cause });
    await expect(one.send(at, bytes(1))).rejects.toMatchObject({ code: "closed", cause });
    await expect(one.subscribe(at, () => {})).rejects.toMatchObject({ code: "closed", cause });
    await expect(connectMemory(hub)).rejects.toMatchObject({ code: "closed" });
    await one.close();
    hub.restore();
    expect(one.state.current).toBe("down");
    expect(told.map(({ type }) => type)).toEqual(["down"]);
  });

  it("a send that waits for the high-water mark rejects when the hub closes and resolves when its own transport does", async () => {
    for (const [end, outcome] of [
      ["hub", "closed"],
      ["transport", "resolved"],
    ] as const) {
      const { hub } = setUp();
      const transport = await connectMemory(hub);
      const sends = [1, 2].map(() => transport.send(at, new Uint8Array(200 * 1024)));
      if (end === "hub") hub.close();
      else await transport.close();
      await sends[0];
      const last = await sends[1]?.then(
        () => "resolved",
        (error: { code: string }) => error.code,
      );
      expect(last).toBe(outcome);
    }
  });

  it("refuses to connect while it is cut", async () => {
    const { hub } = setUp();
    hub.cut();
    await expect(connectMemory(hub)).rejects.toMatchObject({ code: "unavailable" });
    hub.restore();
    expect((await connectMemory(hub)).state.current).toBe("up");
  });

  it("delivers what was accepted before a cut", async () => {
    const { runtime, hub } = setUp();
    const transport = await connectMemory(hub);
    const got: number[] = [];
    await transport.subscribe(at, (frame) => void got.push(frame[0] as number));
    await transport.send(at, bytes(1));
    hub.cut();
    await runtime.advance(1);
    expect(got).toEqual([1]);
  });

  it.each([0, -1, 20_000, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("refuses maxFrameBytes %s", (maxFrameBytes) => {
    expect(() => createHub({ maxFrameBytes })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("a memory transport", () => {
  it("is refused a foreign hub and an inbox that cannot hold one frame", async () => {
    const { hub } = setUp({ maxFrameBytes: 32 * 1024 });
    await expect(connectMemory({ ...hub })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(connectMemory(hub, { inboxBytes: 32 * 1024 })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(connectMemory(hub, { inbox: 1 } as never)).rejects.toMatchObject({ message: expect.stringContaining("has no option 'inbox'") });
    expect(() => createHub({ maxFrame: 1 } as never)).toThrow("has no option 'maxFrame'");
    expect((await connectMemory(hub, { inboxBytes: 33 * 1024 })).capabilities.maxFrameBytes).toBe(32 * 1024);
  });

  it("waits at the high-water mark for a turn, never for a receiver", async () => {
    const { runtime, hub } = setUp();
    const [sender, receiver] = [await connectMemory(hub), await connectMemory(hub)];
    await receiver.subscribe(at, () => new Promise<void>(() => {}));
    let sent = 0;
    const run = async () => {
      for (let i = 0; i < 64; i += 1) {
        await sender.send(at, new Uint8Array(16 * 1024));
        sent += 1;
      }
    };
    const running = run();
    for (let i = 0; i < 200; i += 1) await Promise.resolve();
    expect(sent).toBe(15);
    await runtime.advance(1);
    await running;
    expect(sent).toBe(64);
  });

  it("bounds its inbox by its own option and reports drops", async () => {
    const { runtime, hub } = setUp({ maxFrameBytes: 22 * 1024 });
    const [sender, receiver] = [await connectMemory(hub), await connectMemory(hub, { inboxBytes: 64 * 1024 })];
    const told: StateChange[] = [];
    receiver.state.subscribe((change) => void told.push(change));
    await receiver.subscribe(at, () => {});
    for (let i = 0; i < 10; i += 1) void sender.send(at, new Uint8Array(16 * 1024 - 64));
    await runtime.advance(1);
    expect(told).toEqual([{ type: "dropped", at, frames: 6, bytes: 6 * (16 * 1024 - 64) }]);
  });

  it("takes the place of an earlier one of the same instance, which ends with replaced", async () => {
    const { runtime, hub } = setUp();
    const first = await connectMemory(hub, { instance: "one" });
    const got: string[] = [];
    await first.subscribe(at, () => void got.push("first"));
    const other = await connectMemory(hub, { instance: "two" });
    const second = await connectMemory(hub, { instance: "one" });
    await second.subscribe(at, () => void got.push("second"));
    expect(await first.closed).toMatchObject({ code: "replaced" });
    await expect(first.send(at, bytes(1))).rejects.toMatchObject({ code: "closed", cause: { code: "replaced" } });
    await other.send(at, bytes(1));
    await runtime.advance(1);
    expect(got).toEqual(["second"]);
    expect(other.state.current).toBe("up");
    await first.close();
    const third = await connectMemory(hub, { instance: "one" });
    expect(await second.closed).toMatchObject({ code: "replaced" });
    expect(third.state.current).toBe("up");
  });

  it("copies a Node Buffer, whose own slice would share its memory", async () => {
    const { runtime, hub } = setUp();
    const transport = await connectMemory(hub);
    const got: Uint8Array[] = [];
    await transport.subscribe(at, (frame) => void got.push(frame));
    const sent = Buffer.from([1, 2, 3]);
    await transport.send(at, sent);
    sent.fill(9);
    await runtime.advance(1);
    expect(got[0]).toEqual(bytes(1, 2, 3));
    expect(got[0]?.buffer.byteLength).toBe(3);
  });

  it("refuses what is no address", async () => {
    const { hub } = setUp();
    const transport = await connectMemory(hub);
    for (const value of ["", "inbox/*", "inbox/a\r\n", "a/b/c/d/e"]) {
      await expect(transport.send(value as Address, bytes(1))).rejects.toMatchObject({ code: "invalid_address" });
      await expect(transport.subscribe(value as Address, () => {})).rejects.toMatchObject({ code: "invalid_address" });
    }
  });
});
