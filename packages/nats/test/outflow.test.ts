import { TransportError } from "@tightbeam/core/transport";
import { describe, expect, it } from "vitest";
import { createOutflow } from "../src/outflow.js";

const MiB = 1024 * 1024;

/** An outflow whose server answers when told. */
function withServer(highWaterBytes = MiB) {
  const asked: { readonly answer: () => void; readonly fail: (error: Error) => void }[] = [];
  const outflow = createOutflow(() => new Promise((answer, fail) => asked.push({ answer, fail })), highWaterBytes);
  return { outflow, asked };
}

const isSettled = async (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), new Promise<false>((resolve) => setImmediate(resolve, false))]);

describe("what the server has not confirmed", () => {
  it("is asked about once in half a high-water mark, and small messages wait for nothing", async () => {
    const { outflow, asked } = withServer();
    let sent = 0;
    for (; sent < 3_000 && asked.length === 0; sent += 1) expect(await isSettled(outflow.add(256))).toBe(true);
    // 384 bytes each with what a frame costs beside its own.
    expect(sent).toBe(Math.ceil(MiB / 2 / 384));
  });

  it("never exceeds the mark for a sender that awaits, and is let go by an answer", async () => {
    const { outflow, asked } = withServer();
    const frame = 60_000;
    let sent = 0;
    let last: Promise<void>;
    do {
      last = outflow.add(frame);
      sent += 1;
    } while (await isSettled(last));
    expect(sent * frame).toBeLessThanOrEqual(MiB + frame);
    expect(asked.length).toBeGreaterThan(0);
    asked.shift()?.answer();
    await last;
    expect(outflow.open).toBe(true);
  });

  it("is lost with the connection: who waits is rejected, an old answer counts for nothing, the next one starts empty", async () => {
    const { outflow, asked } = withServer();
    const waiting = outflow.add(2 * MiB);
    outflow.lost(new TransportError("unavailable", "gone"));
    await expect(waiting).rejects.toMatchObject({ code: "unavailable" });
    const next = outflow.add(2 * MiB);
    asked[0]?.answer();
    expect(await isSettled(next)).toBe(false);
    asked[1]?.answer();
    await next;
  });

  it("is refused beyond 64 marks, which only senders that do not await reach", () => {
    const { outflow } = withServer(1_024);
    for (let frames = 0; frames <= 64; frames += 1) {
      expect(outflow.open).toBe(true);
      outflow.add(1_024 - 128).catch(() => undefined);
    }
    expect(outflow.open).toBe(false);
    expect(outflow.backlogMax).toBe(65_536);
  });
});
