import { takesBuffer } from "@tightbeam/core/transport";
import type { Rule } from "../rule.js";
import { collect, inboxOf, must, numbered, numberIn, send, subscribe } from "./pieces.js";

const burst = 2_000;
const mixed = 100;
const large = 8_192;

export const delivery: readonly Rule[] = [
  {
    id: "T8/in-order",
    clause: "T8",
    title: "frames from one sender to one address arrive in the order they were sent",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "order");
      const numbers = await collect(context, b, at);
      const sends: Promise<void>[] = [];
      // Sizes differ: small frames must not overtake large ones.
      for (let i = 0; i < burst; i += 1) {
        const sent = a.send(at, numbered(i, i % 50 === 0 ? 8_192 : 4));
        sends.push(sent);
        if (i % 100 === 0) await context.within(sent, "send");
      }
      await context.within(Promise.all(sends), "the sends of a burst");
      await context.eventually(
        () => numbers.length >= burst,
        () => `${numbers.length} of ${burst} frames arrived`,
      );
      const wrong = numbers.findIndex((value, index) => index > 0 && value < (numbers[index - 1] as number));
      must(wrong === -1, `frame ${numbers[wrong]} arrived after frame ${numbers[wrong - 1]}`);
    },
  },
  {
    id: "T8/at-most-once",
    clause: "T8",
    title: "no frame arrives twice, also around a cut",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "once");
      const numbers = await collect(context, b, at);
      for (let i = 0; i < 100; i += 1) await send(context, a, at, numbered(i));
      await context.cut();
      await context.restore();
      // Each attempt has a number of its own: the first ones may be lost while the receiver is not back yet.
      let fresh = 1_000;
      let busy = false;
      await context.eventually(() => {
        if (numbers.some((value) => value >= 1_000)) return true;
        if (!busy) {
          busy = true;
          a.send(at, numbered(fresh++))
            .catch(() => undefined)
            .finally(() => {
              busy = false;
            });
        }
        return false;
      }, "a frame after the cut");
      await context.settle();
      const twice = numbers.find((value, index) => numbers.indexOf(value) !== index);
      must(twice === undefined, `frame ${twice} arrived twice`);
    },
  },
  {
    id: "T11/buffer-reuse",
    clause: "T11",
    title: "the caller may reuse its buffer once send has settled",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "reuse");
      const numbers = await collect(context, b, at);
      const buffer = new Uint8Array(4);
      for (let i = 0; i < 20; i += 1) {
        buffer.set(numbered(i));
        await send(context, a, at, buffer);
        must(buffer.byteLength === 4, "send took the caller's buffer away");
        buffer.fill(0xff);
      }
      await context.eventually(
        () => numbers.length >= 20,
        () => `${numbers.length} of 20 frames arrived`,
      );
      must(
        numbers.every((value, index) => value === index),
        `frames changed with the buffer they were sent from: [${numbers}]`,
      );
    },
  },
  {
    id: "T11/given",
    clause: "T11",
    title: "frames given with their buffers arrive unchanged, each receiver's its own",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const { frontBytes, fanout } = a.capabilities;
      if (frontBytes === undefined) return;
      const at = inboxOf("b", "given");
      const seen: number[] = [];
      const receive = (frame: Uint8Array) => {
        const intact = frame.byteLength === large && frame.subarray(4).every((byte, index) => byte === (index & 0xff));
        seen.push(intact ? numberIn(frame) : -1);
        frame.fill(0xff);
      };
      const receivers = fanout ? 2 : 1;
      for (let i = 0; i < receivers; i += 1) await subscribe(context, b, at, receive);
      for (let i = 0; i < 8; i += 1) {
        const frame = new Uint8Array(frontBytes + large).fill(0xee).subarray(frontBytes);
        frame.set(numbered(i));
        for (let byte = 4; byte < large; byte += 1) frame[byte] = byte - 4;
        await context.within(a.send(at, frame, true), "the send of a frame that was given");
      }
      await context.eventually(
        () => seen.length >= 8 * receivers,
        () => `${seen.length} of ${8 * receivers} frames arrived`,
      );
      const sorted = [...seen].sort((one, other) => one - other);
      must(
        sorted.every((value, index) => value === Math.floor(index / receivers)),
        `given frames arrived as [${seen}]`,
      );
    },
  },
  {
    id: "T11/receiver-owns",
    clause: "T11",
    title: "what a receiver does to its frame is seen by no other receiver and not by the sender",
    lossless: true,
    async run(context) {
      const a = await context.connect("a");
      if (!a.capabilities.fanout) return;
      const at = inboxOf("a", "owns");
      const seen: number[] = [];
      const receive = (frame: Uint8Array) => {
        seen.push(numberIn(frame));
        frame.fill(0xff);
      };
      await subscribe(context, a, at, receive);
      await subscribe(context, a, at, receive);
      const frame = numbered(7);
      await send(context, a, at, frame);
      await context.eventually(
        () => seen.length >= 2,
        () => `${seen.length} of 2 copies arrived`,
      );
      must(seen.join() === "7,7", "one receiver saw what another one did to its frame");
      must(numberIn(frame) === 7, "the sender's buffer changed with the receiver's frame");
    },
  },
  {
    id: "T11/receiver-frees",
    clause: "T11",
    title: "a frame that begins in the first 512 bytes of its buffer and goes to its end takes the buffer with it: freeing it harms no other frame",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "frees");
      const kept: Uint8Array[] = [];
      const numbers: number[] = [];
      await subscribe(context, b, at, (frame) => {
        numbers.push(numberIn(frame));
        // Anything but ArrayBuffer, which cannot be freed, is nobody's but the receiver's as well.
        if (frame.byteLength >= large && takesBuffer(frame)) structuredClone(undefined, { transfer: [frame.buffer as ArrayBuffer] });
        else kept.push(frame);
      });
      const sends: Promise<void>[] = [];
      for (let i = 0; i < mixed; i += 1) sends.push(a.send(at, numbered(i, i % 2 === 0 ? 4 : large + i)));
      await context.within(Promise.all(sends), "the sends of a burst");
      await context.eventually(
        () => numbers.length >= mixed,
        () => `${numbers.length} of ${mixed} frames arrived`,
      );
      must(
        numbers.every((value, index) => value === index),
        `frames read [${numbers}] after others were freed`,
      );
      must(
        kept.every((frame) => frame.byteLength > 0),
        "freeing one frame took the bytes of another with it",
      );
    },
  },
  {
    id: "T11/view",
    clause: "T11",
    title: "a view is sent as a view: nothing of the buffer around it",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "view");
      const got: Uint8Array[] = [];
      await subscribe(context, b, at, (frame) => void got.push(frame));
      const around = Uint8Array.from({ length: 64 }, (_, i) => i);
      await send(context, a, at, around.subarray(16, 24));
      await context.eventually(() => got.length > 0, "a view");
      const [frame] = got;
      must(frame?.join() === "16,17,18,19,20,21,22,23", `a view of 8 bytes arrived as [${frame}]`);
      must(!new Uint8Array(frame.buffer).join().includes(around.join()), "the receiver can reach the sender's bytes around the view through frame.buffer");
    },
  },
  {
    id: "T12/no-sender",
    clause: "T12",
    title: "a frame arrives as bytes and nothing else: no word about who sent it",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "who");
      const got: unknown[][] = [];
      await subscribe(context, b, at, (...all: unknown[]) => void got.push(all));
      await send(context, a, at, Uint8Array.of(1, 2, 3));
      await context.eventually(() => got.length > 0, "a frame");
      const [frame, ...more] = got[0] as unknown[];
      must(more.length === 0, "receive was called with more than the frame");
      must(frame instanceof Uint8Array, "receive was called with something that is no Uint8Array");
      const extra = Reflect.ownKeys(frame).filter((key) => typeof key === "symbol" || !/^\d+$/.test(key));
      must(extra.length === 0, `the frame carries properties: ${extra.map(String).join(", ")}`);
      must(frame.join() === "1,2,3", `a frame of [1,2,3] arrived as [${frame.join()}]`);
    },
  },
];
