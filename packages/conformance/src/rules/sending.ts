import type { Rule } from "../rule.js";
import { collect, cutAndNotice, inboxOf, must, mustReject, numbered, restoreAndNotice, send, subscribe } from "./pieces.js";

const floodBytes = 32 * 1024 * 1024;
/** More than this accepted within one turn of the event loop is no high-water mark. */
const acceptedMaxBytes = 16 * 1024 * 1024;
/** "At once", with room for a busy machine; anything that waits for a reconnect takes longer. */
const atOnceMs = 250;

export const sending: readonly Rule[] = [
  {
    id: "T3/bytes-unchanged",
    clause: "T3",
    title: "every send arrives as one frame with the bytes it had",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "bytes");
      const got: Uint8Array[] = [];
      await subscribe(context, b, at, (frame) => void got.push(frame));
      const sizes = [1, 2, 125, 126, 127, 255, 256, 1_000, 16_383, 16_384];
      for (const size of sizes) await send(context, a, at, pattern(size));
      await context.eventually(
        () => got.length >= sizes.length,
        () => `${got.length} of ${sizes.length} frames arrived`,
      );
      sizes.forEach((size, index) => {
        must(same(got[index], pattern(size)), `frame ${index} (${size} bytes) arrived as ${got[index]?.byteLength} bytes or changed`);
      });
    },
  },
  {
    id: "T3/empty-frame",
    clause: "T3",
    title: "an empty frame arrives",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "empty");
      const got: number[] = [];
      await subscribe(context, b, at, (frame) => void got.push(frame.byteLength));
      await send(context, a, at, new Uint8Array(0));
      await context.eventually(() => got.length > 0, "an empty frame");
      must(got[0] === 0, `an empty frame arrived with ${got[0]} bytes`);
    },
  },
  {
    id: "T3/largest-frame",
    clause: "T3",
    title: "a frame of exactly maxFrameBytes arrives",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "largest");
      const got: Uint8Array[] = [];
      await subscribe(context, b, at, (frame) => void got.push(frame));
      const frame = pattern(Math.min(a.capabilities.maxFrameBytes, b.capabilities.maxFrameBytes));
      await send(context, a, at, frame);
      await context.eventually(() => got.length > 0, "a frame of maxFrameBytes");
      must(same(got[0], frame), "a frame of maxFrameBytes arrived changed");
    },
  },
  {
    id: "T3/too-large",
    clause: "T3",
    title: "a larger frame is refused with too_large and harms nothing",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "large");
      const numbers = await collect(context, b, at);
      await mustReject(context, a.send(at, numbered(1, a.capabilities.maxFrameBytes + 1)), "too_large", "a frame of maxFrameBytes + 1");
      must(a.state.current === "up", "a frame that is too large took the transport down");
      await send(context, a, at, numbered(2));
      await context.eventually(() => numbers.length > 0, "a frame after one that was too large");
      must(numbers.join() === "2", `[${numbers}] arrived instead of [2]`);
    },
  },
  {
    id: "T3/unavailable-at-once",
    clause: "T3",
    title: "while the medium is gone send rejects with unavailable at once, and nothing of it arrives later",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "later");
      const numbers = await collect(context, b, at);
      await cutAndNotice(context, a, b);
      let rejected = false;
      const sent = a.send(at, numbered(1));
      sent.catch(() => {
        rejected = true;
      });
      for (let waited = 0; !rejected && waited < atOnceMs; waited += 5) await context.settle(5);
      must(rejected, `send did not reject within ${atOnceMs} ms while the medium was gone`);
      await mustReject(context, sent, "unavailable", "send while the medium is gone");
      await restoreAndNotice(context, a, b);
      await send(context, a, at, numbered(2));
      await context.eventually(() => numbers.includes(2), "a frame after the medium was restored");
      await context.settle();
      must(numbers.join() === "2", `[${numbers}] arrived instead of [2]: a rejected frame was queued`);
    },
  },
  {
    id: "T3/nobody-listening",
    clause: "T3",
    title: "sending where nobody listens is no error",
    lossless: false,
    async run(context) {
      const a = await context.connect("a");
      await send(context, a, inboxOf("nobody", "here"), numbered(1));
      await context.settle();
      must(a.state.current === "up", "sending where nobody listens took the transport down");
    },
  },
  {
    id: "T4/high-water-mark",
    clause: "T4",
    title: "send stops resolving once local buffers are full",
    lossless: false,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "flood");
      await subscribe(context, b, at, () => {});
      const frame = new Uint8Array(Math.min(64 * 1024, a.capabilities.maxFrameBytes));
      let accepted = 0;
      const sends: Promise<void>[] = [];
      for (let bytes = 0; bytes < floodBytes; bytes += frame.byteLength) {
        sends.push(
          a.send(at, frame).then(() => {
            accepted += frame.byteLength;
          }),
        );
      }
      const settled = Promise.allSettled(sends);
      for (let i = 0; i < 64; i += 1) await Promise.resolve();
      must(accepted <= acceptedMaxBytes, `send resolved for ${accepted} bytes in the turn that sent them: nothing could have left yet`);
      await context.within(settled, "the sends of a flood");
    },
  },
  {
    id: "T4/flows",
    clause: "T4",
    title: "awaiting each send gets a long stream through",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "stream");
      const numbers = await collect(context, b, at);
      const count = 500;
      for (let i = 0; i < count; i += 1) await send(context, a, at, numbered(i, 16 * 1024));
      await context.eventually(
        () => numbers.length >= count,
        () => `${numbers.length} of ${count} awaited frames arrived`,
      );
    },
  },
];

function pattern(size: number): Uint8Array {
  const frame = new Uint8Array(size);
  for (let i = 0; i < size; i += 1) frame[i] = (i * 31 + size) & 0xff;
  return frame;
}

const same = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i]);
