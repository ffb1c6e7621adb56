import { describe, expect, test } from "vitest";
import type { EncodedPayload } from "../../../src/codec/types.js";
import type { EnvelopeHeader, Priority } from "../../../src/envelope/types.js";
import { TightbeamError } from "../../../src/errors.js";
import type { Link } from "../../../src/link/link-types.js";
import { type Admission, type AdmissionLimits, createAdmission, type Incoming } from "../../../src/patterns/admission/admission.js";
import { createGuards } from "../../../src/patterns/admission/guards.js";
import type { Policy } from "../../../src/patterns/admission/policy.js";
import { createVirtualRuntime } from "../../../src/runtime/index.js";

const linkOf = (id: string, permissions: readonly string[] = []): Link =>
  ({
    peer: { id, instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", thumbprint: "t", permissions },
    clockOffset: () => 0,
    askClock: () => undefined,
    state: "up",
  }) as unknown as Link;

function setUp(limits: AdmissionLimits = {}, policy?: Policy) {
  const runtime = createVirtualRuntime({ seed: 1 });
  return { runtime, admission: createAdmission(runtime, createGuards(runtime, policy, limits.rate), limits) };
}

const header = (priority: Priority = "normal", more: Partial<EnvelopeHeader> = {}): EnvelopeHeader => ({
  type: "request",
  id: "0190f3c2-7a52-7c3e-9d5a-000000000001",
  timestamp: 0,
  priority,
  method: "work",
  ...more,
});

interface Admitted {
  readonly leave?: () => void;
  readonly error?: TightbeamError;
  readonly payload?: EncodedPayload | undefined;
}

/** What became of it, filled in when it is known. */
function admit(admission: Admission, incoming: Partial<Incoming> & { readonly link: Link }): Admitted {
  const outcome: { -readonly [K in keyof Admitted]: Admitted[K] } = {};
  admission.admit(
    { kind: "request", header: header(), permission: "call:work", ...incoming },
    (leave, payload) => Object.assign(outcome, { leave, payload }),
    (error) => Object.assign(outcome, { error }),
  );
  return outcome;
}

describe("places", () => {
  test("so many run at once, the rest waits in its order, and each that leaves lets one in", () => {
    const { admission } = setUp({ running: 2 });
    const link = linkOf("bob");
    const all = Array.from({ length: 5 }, () => admit(admission, { link }));
    const inside = (): boolean[] => all.map(({ leave }) => leave !== undefined);
    expect(inside()).toEqual([true, true, false, false, false]);
    expect(admission.places.queued).toBe(3);
    all[1]?.leave?.();
    expect(inside()).toEqual([true, true, true, false, false]);
    // Twice is once.
    all[1]?.leave?.();
    expect(inside()).toEqual([true, true, true, false, false]);
    all[0]?.leave?.();
    all[2]?.leave?.();
    expect(inside()).toEqual([true, true, true, true, true]);
    expect(admission.places.queued).toBe(0);
  });

  test("TM-118 the queue is bounded in count and in bytes: what does not fit is refused, and says when to come again", async () => {
    const { admission, runtime } = setUp({ running: 1, queued: 2 });
    const link = linkOf("bob");
    const [first, , , fourth] = Array.from({ length: 4 }, () => admit(admission, { link }));
    expect(fourth?.error).toMatchObject({ code: "overloaded", retryable: true, retryAfter: 100 });
    await runtime.advance(700);
    first?.leave?.();
    admit(admission, { link });
    expect(admit(admission, { link }).error).toMatchObject({ code: "overloaded", retryAfter: 700 });

    const small = setUp({ running: 1, queuedBytes: 4_000 }).admission;
    const payload: EncodedPayload = { kind: "bytes", bytes: new Uint8Array(1_500) };
    admit(small, { link });
    expect(admit(small, { link, payload }).error).toBeUndefined();
    expect(admit(small, { link, payload }).error).toMatchObject({ code: "overloaded" });
    expect(admit(small, { link }).error).toBeUndefined();
  });

  test("TM-119 of the bytes of the queue one peer agent, over all its links, has at most three in four; what left the queue counts no more", async () => {
    const { admission, runtime } = setUp({ running: 1, queuedBytes: 40_000 });
    const payload: EncodedPayload = { kind: "bytes", bytes: new Uint8Array(4_488) };
    const rogue = Array.from({ length: 20 }, () => admit(admission, { link: linkOf("mallory"), payload }));
    expect(rogue.filter(({ error }) => error === undefined)).toHaveLength(1 + 6);
    const bob = Array.from({ length: 3 }, () => admit(admission, { link: linkOf("bob"), payload }));
    expect(bob.map(({ error }) => error?.code)).toEqual([undefined, undefined, "overloaded"]);
    for (let turn = 0; turn < 20; turn++) {
      for (const { leave } of [...rogue, ...bob]) leave?.();
      await runtime.advance(1);
    }
    expect(admission.places.queued).toBe(0);
    const hold = admit(admission, { link: linkOf("carol") });
    const again = Array.from({ length: 7 }, () => admit(admission, { link: linkOf("mallory"), payload }));
    expect(again.map(({ error }) => error?.code)).toEqual([...Array<undefined>(6).fill(undefined), "overloaded"]);
    expect(hold.leave).toBeDefined();
  });

  test("TM-119 of eight places one is for critical and high alone, and an urgent one finds it while ordinary ones wait", () => {
    const { admission } = setUp({ running: 8 });
    const link = linkOf("bob");
    const other = linkOf("carol");
    const low = Array.from({ length: 100 }, (_, n) => admit(admission, { link: n % 2 === 0 ? link : other, header: header("low") }));
    expect(low.filter(({ leave }) => leave !== undefined)).toHaveLength(7);
    const high = admit(admission, { link, header: header("high") });
    expect(high.leave).toBeDefined();
    const second = admit(admission, { link, header: header("critical") });
    expect(second.leave).toBeUndefined();
    low[0]?.leave?.();
    expect(second.leave).toBeDefined();
    // The place that came free was taken by the urgent one: a place of an ordinary one is still free for one.
    high.leave?.();
    expect(low.filter(({ leave }) => leave !== undefined)).toHaveLength(8);
  });

  test("what leaves the queue does so in several turns, so that what comes meanwhile is read", async () => {
    const { admission, runtime } = setUp({ running: 1 });
    const link = linkOf("bob");
    const order: string[] = [];
    const hold = admit(admission, { link });
    const take = (name: string, priority: Priority): void =>
      admission.admit(
        { kind: "request", link, header: header(priority), permission: "call:work" },
        (leave) => {
          order.push(name);
          leave();
        },
        () => undefined,
      );
    for (let i = 0; i < 1_000; i++) take("low", "low");
    hold.leave?.();
    expect(order.length).toBeGreaterThan(0);
    expect(order.length).toBeLessThanOrEqual(32);
    const before = order.length;
    take("high", "high");
    expect(order.length).toBe(before);
    await runtime.advance(0);
    expect(order[before]).toBe("high");
    expect(order).toHaveLength(1_001);
  });

  test("streams wait for a place and hold none; subscriptions do not even wait", () => {
    const { admission } = setUp({ running: 1 });
    const link = linkOf("bob");
    const stream = admit(admission, { link, kind: "stream" });
    const first = admit(admission, { link });
    expect([stream.leave, first.leave].every((leave) => leave !== undefined)).toBe(true);
    const second = admit(admission, { link, kind: "stream" });
    expect(second.leave).toBeUndefined();
    expect(admit(admission, { link, kind: "subscribe" }).leave).toBeDefined();
    first.leave?.();
    expect(second.leave).toBeDefined();
    second.leave?.();
    stream.leave?.();
    expect(admit(admission, { link }).leave).toBeDefined();
    expect(admit(admission, { link }).leave).toBeUndefined();
  });

  test("a small payload that waits is a copy: the record it lay in is used again", () => {
    const { admission } = setUp({ running: 1 });
    const link = linkOf("bob");
    const record = new Uint8Array(1_000).fill(7);
    const bytes = record.subarray(100, 110);
    const first = admit(admission, { link, payload: { kind: "bytes", bytes } });
    expect(first.payload?.bytes).toBe(bytes);
    const second = admit(admission, { link, payload: { kind: "bytes", bytes } });
    record.fill(0);
    first.leave?.();
    expect(second.payload).toEqual({ kind: "bytes", bytes: new Uint8Array(10).fill(7) });
  });

  test.each([
    { running: 0 },
    { running: 1.5 },
    { running: Number.NaN },
    { queued: -1 },
    { queued: Number.POSITIVE_INFINITY },
    { queuedBytes: "1" as never },
    { rate: { perSecond: 0 } },
  ])("%o is refused when the agent is made", (limits) => {
    expect(() => setUp(limits)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("time", () => {
  test("TM-117 a ttl is judged on arrival and again when the turn has come", async () => {
    const { admission, runtime } = setUp({ running: 1 });
    const link = linkOf("bob");
    const timestamp = runtime.clock.wall();
    const hold = admit(admission, { link });
    const short = admit(admission, { link, header: header("normal", { timestamp, ttl: 50 }) });
    const long = admit(admission, { link, header: header("normal", { timestamp, ttl: 5_000 }) });
    await runtime.advance(100);
    const late = admit(admission, { link, header: header("normal", { timestamp, ttl: 50 }) });
    expect(late.error).toMatchObject({ code: "expired", message: expect.stringContaining("arrived") });
    expect(short.error).toBeUndefined();
    hold.leave?.();
    expect(short).toEqual({ error: expect.objectContaining({ code: "expired", message: expect.stringContaining("turn") }) });
    expect(long.leave).toBeDefined();
  });

  test("TM-120 the rate of a peer holds for all its links together and for nobody else, and refills", async () => {
    const { admission, runtime } = setUp({ rate: { perSecond: 10, burst: 2 } });
    const codes = (id: string): (string | undefined)[] => Array.from({ length: 3 }, () => admit(admission, { link: linkOf(id) }).error?.code);
    expect(codes("bob")).toEqual([undefined, undefined, "rate_limited"]);
    expect(codes("carol")).toEqual([undefined, undefined, "rate_limited"]);
    const refused = admit(admission, { link: linkOf("bob") }).error;
    expect(refused).toMatchObject({ code: "rate_limited", retryAfter: 100, retryable: true });
    await runtime.advance(100);
    expect(codes("bob")).toEqual([undefined, "rate_limited", "rate_limited"]);
    // What bob subscribed to is not for him to be held back by.
    expect(admit(admission, { link: linkOf("bob"), kind: "event" }).error).toBeUndefined();
    expect(admission.rate).toEqual({ perSecond: 10, burst: 2 });
  });

  test("what agents say on their own account has a rate of its own", () => {
    const { admission } = setUp({ rate: { perSecond: 1, burst: 1 } });
    const link = linkOf("bob");
    expect([admission.refusal(link, "work")?.code, admission.refusal(link, "work")?.code]).toEqual([undefined, "rate_limited"]);
    const codes = Array.from({ length: 2_100 }, () => admission.ownRefusal(link)?.code);
    expect(codes.filter((code) => code === undefined)).toHaveLength(2_000);
    expect(codes.at(-1)).toBe("rate_limited");
    expect(setUp().admission.ownRefusal(link)).toBeUndefined();
  });
});

describe("policy", () => {
  const kinds = [
    ["request", "call:work"],
    ["notification", "call:work"],
    ["stream", "call:work"],
    ["subscribe", "subscribe:progress"],
    ["event", "publish:progress"],
  ] as const;

  test.each(kinds)("TM-115 a %s without its permission is refused before anything else is known of it", (kind, permission) => {
    const { admission } = setUp({}, "token");
    expect(admit(admission, { link: linkOf("bob", ["call:other", "serve:work"]), kind, permission }).error).toMatchObject({ code: "forbidden" });
    expect(admit(admission, { link: linkOf("bob", [permission]), kind, permission }).leave).toBeDefined();
    expect(admit(admission, { link: linkOf("bob", [`${permission.split(":")[0]}:*`]), kind, permission }).leave).toBeDefined();
  });

  test("without one every authenticated peer may", () => {
    const { admission } = setUp();
    expect(admission.permits(linkOf("bob"), "call:work")).toBe(true);
    expect(admission.refusal(linkOf("bob"), "work")).toBeUndefined();
  });

  test("a permission has no version: call:find permits find@2, and nothing else is cut off", () => {
    const { admission } = setUp({}, "token");
    const link = linkOf("bob", ["call:search.find"]);
    expect(admission.refusal(link, "search.find")).toBeUndefined();
    expect(admission.refusal(link, "search.find@2")).toBeUndefined();
    expect(admission.refusal(link, "search.fin@2")?.code).toBe("forbidden");
    expect(admission.refusal(link, "search")?.code).toBe("forbidden");
  });

  test("TM-116 only `true` of a function permits: another value, a promise or what it throws denies", async () => {
    const link = linkOf("bob", ["call:x"]);
    const answer = (value: () => unknown): boolean => setUp({}, value as Policy).admission.permits(link, "call:work");
    for (const value of [false, undefined, null, 1, "true", {}, Promise.resolve(true)]) expect(answer(() => value)).toBe(false);
    const boom = (): never => {
      throw new Error("boom");
    };
    expect(answer(boom)).toBe(false);
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    expect(answer(async () => boom())).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
    expect(answer(() => true)).toBe(true);
    const asked: unknown[] = [];
    setUp({}, (...all) => asked.push(all) > 0).admission.permits(link, "call:work");
    expect(asked).toEqual([[{ id: "bob", instance: "AAAAAAAAAAAAAAAAAAAAAA", issuer: "i", thumbprint: "t", permissions: ["call:x"] }, "call:work"]]);
  });

  test.each(["tokens", {}, null, true, 7])("%o is no policy", (policy) => {
    expect(() => setUp({}, policy as never)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  test("a new token counts at once, also for what waits for its turn", () => {
    const { admission } = setUp({ running: 1 }, "token");
    const link = linkOf("bob", ["call:work"]) as { peer: Link["peer"] } & Link;
    const hold = admit(admission, { link });
    const waiting = admit(admission, { link });
    link.peer = { ...link.peer, permissions: [] };
    hold.leave?.();
    expect(waiting.error).toMatchObject({ code: "forbidden" });
    expect(admit(admission, { link }).error).toBeInstanceOf(TightbeamError);
  });

  test("answers stay right however many names a peer makes up", () => {
    const { admission } = setUp({}, "token");
    const link = linkOf("bob", ["call:work"]);
    for (let i = 0; i < 5_000; i++) expect(admission.permits(link, `call:made.up.${i}`)).toBe(false);
    expect(admission.permits(link, "call:work")).toBe(true);
  });
});
