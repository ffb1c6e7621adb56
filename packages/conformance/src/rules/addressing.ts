import { type Address, address } from "@tightbeam/core/transport";
import type { Rule } from "../rule.js";
import { collect, inboxOf, must, mustReject, numbered, numberIn, send, unchecked } from "./pieces.js";

export const addressing: readonly Rule[] = [
  {
    id: "T9/exact",
    clause: "T9",
    title: "only frames for exactly this address arrive",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "exact");
      const numbers = await collect(context, b, at);
      const near: Address[] = [
        address("inbox", "b"),
        address("inbox", "b", "exact"),
        address(at, "more"),
        inboxOf("b", "Exact"),
        inboxOf("B", "exact"),
        inboxOf("a", "exact"),
        address("agent", "b"),
      ];
      // A medium may refuse some of these; none may reach the subscription.
      for (const to of near) await context.within(a.send(to, numbered(1)), "send").catch(() => undefined);
      await send(context, a, at, numbered(2));
      await context.eventually(() => numbers.includes(2), "a frame to the exact address");
      await context.settle();
      must(numbers.join() === "2", `${numbers.length - 1} frames to other addresses arrived`);
    },
  },
  {
    id: "T9/full-grammar",
    clause: "T9",
    title: "every address of the grammar works and is told from its neighbours",
    lossless: true,
    async run(context) {
      const id = `${"R".repeat(64)}/${"n".repeat(64)}`;
      const [a, b] = [await context.connect("a"), await context.connect(id)];
      const tags = ["__proto__", "constructor", "toString", "0", "-", "_", "a-b", "a_b", "AB", "Ab", "aB", "i".repeat(64)];
      const at = tags.map((tag) => (tag.length > 22 ? address("inbox", id, tag) : inboxOf(id, `${tag}-`)));
      const numbers = await Promise.all(at.map((one) => collect(context, b, one)));
      for (const [index, one] of at.entries()) await send(context, a, one, numbered(index));
      await context.eventually(
        () => numbers.every((got) => got.length > 0),
        () => `${numbers.filter((got) => got.length > 0).length} of ${at.length} addresses got their frame`,
      );
      await context.settle();
      numbers.forEach((got, index) => {
        must(got.join() === String(index), `${at[index]} got the frames [${got}] instead of [${index}]`);
      });
    },
  },
  {
    id: "T9/no-wildcards",
    clause: "T9",
    title: "no string is a wildcard, and none injects anything",
    lossless: true,
    async run(context) {
      const [a, b] = [await context.connect("a"), await context.connect("b")];
      const at = inboxOf("b", "target");
      const numbers = await collect(context, b, at);
      const odd = [
        "*",
        ">",
        "#",
        "**",
        "inbox/*",
        "inbox/>",
        "inbox/b/*",
        "inbox/b/>",
        "inbox/b/#",
        "inbox/b/+",
        "inbox.b.*",
        "inbox.b.>",
        "inbox/b",
        "inbox/b/",
        "",
        "/",
      ];
      const injections = [`${at}\r\nPUB x 0`, `${at} x`, `${at}\n`, `${at}\0`, "../b", `inbox/./b/${at.split("/")[2]}`];
      let caught = "";
      for (const one of [...odd, ...injections]) {
        const receive = (frame: Uint8Array) => {
          if (numberIn(frame) === 2) caught ||= JSON.stringify(one);
        };
        // Refusing is right, and so is a send that reaches nobody. To do neither is not.
        await context.within(settledWith(b.subscribe(unchecked(one), receive)), `subscribe(${JSON.stringify(one)})`);
        await context.within(settledWith(a.send(unchecked(one), numbered(1))), `send(${JSON.stringify(one)})`);
      }
      await context.eventually(() => a.state.current === "up" && b.state.current === "up", "both transports up after odd addresses");
      await send(context, a, at, numbered(2));
      await context.eventually(() => numbers.includes(2), "a frame to the exact address after odd ones");
      await context.settle();
      must(numbers.join() === "2", `a frame sent to a pattern reached ${at}`);
      must(caught === "", `a subscription to ${caught} got a frame sent to ${at}`);
    },
  },
  {
    id: "T10/one-of-group",
    clause: "T10",
    title: "within a group exactly one live member gets each frame",
    lossless: true,
    async run(context) {
      const a = await context.connect("a");
      const at = address("agent", "b");
      if (!a.capabilities.groups) {
        const outcome = a.subscribe(address("agent", "a"), () => {}, { group: "a" });
        return mustReject(context, outcome, "unsupported", "subscribing in a group where capabilities.groups is false");
      }
      const members = [await context.connect("b"), await context.connect("b"), await context.connect("b")] as const;
      const got = await Promise.all(members.map((member) => collect(context, member, at, "b")));
      const all = () => got.flat().toSorted((x, y) => x - y);
      const deliver = async (from: number, to: number) => {
        for (let i = from; i < to; i += 1) await send(context, a, at, numbered(i));
        await context.eventually(
          () => all().length >= to,
          () => `${all().length} of ${to} frames reached the group`,
        );
        await context.settle();
        must(all().join() === Array.from({ length: to }, (_, i) => i).join(), "a frame reached more than one member of the group, or none");
      };
      await deliver(0, 60);
      await context.within(members[0].close(), "close() of a member");
      // Whoever leaves is known to the medium at the latest when another member's subscribe has resolved.
      await collect(context, members[1], address("inbox", "b", "fence"));
      await context.settle();
      await deliver(60, 120);
    },
  },
  {
    id: "T10/plain-besides",
    clause: "T10",
    title: "a plain subscriber gets its copy beside a group, and two groups get one each",
    lossless: true,
    async run(context) {
      const a = await context.connect("a");
      if (!a.capabilities.groups || !a.capabilities.fanout) return;
      const at = address("agent", "b");
      const [b, c] = [await context.connect("b"), await context.connect("b")];
      const plain = await collect(context, b, at);
      const groups = [await collect(context, b, at, "one"), await collect(context, c, at, "one"), await collect(context, c, at, "two")] as const;
      const count = 30;
      for (let i = 0; i < count; i += 1) await send(context, a, at, numbered(i));
      const inOne = () => groups[0].length + groups[1].length;
      await context.eventually(
        () => plain.length >= count && inOne() >= count && groups[2].length >= count,
        () => `of ${count} frames the plain subscriber got ${plain.length}, group one ${inOne()}, group two ${groups[2].length}`,
      );
      await context.settle();
      must(plain.length === count && inOne() === count && groups[2].length === count, "a copy too many arrived");
    },
  },
  {
    id: "T10/fanout",
    clause: "T10",
    title: "every plain subscriber gets a copy",
    lossless: true,
    async run(context) {
      const a = await context.connect("a");
      if (!a.capabilities.fanout) return;
      const at = inboxOf("b", "all");
      const [b, c] = [await context.connect("b"), await context.connect("b")];
      const got = [await collect(context, b, at), await collect(context, b, at), await collect(context, c, at)];
      for (let i = 0; i < 10; i += 1) await send(context, a, at, numbered(i));
      await context.eventually(
        () => got.every((numbers) => numbers.length >= 10),
        () => `of 10 frames the three subscribers got ${got.map((numbers) => numbers.length).join(", ")}`,
      );
      await context.settle();
      must(
        got.every((numbers) => numbers.join() === "0,1,2,3,4,5,6,7,8,9"),
        "a subscriber got other frames than those sent",
      );
    },
  },
];

const settledWith = (done: Promise<unknown>): Promise<unknown> => done.catch(() => undefined);
