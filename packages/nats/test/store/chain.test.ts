import { TightbeamError } from "@tightbeam/core/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Chain, createChain } from "../../src/store/chain.js";
import { Failure, type FailureKind, passes } from "../../src/store/failure.js";
import type { JetStream, StoredMessage, StreamInfo } from "../../src/store/jetstream.js";
import type { Wire } from "../../src/store/wire.js";

/** What becomes of one publish: stored and told, stored and the answer lost, lost, or refused. */
type Fate = "ok" | "answer_lost" | "lost" | FailureKind;

function stream(fates: Fate[]) {
  const messages: (StoredMessage | undefined)[] = [];
  let lost = 0;
  let flying = 0;
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  let lastId = "";
  const put = (subject: string, body: Uint8Array, id: string): void => {
    lastId = id;
    messages.push({ subject, body, sequence: messages.length + 1, headers: `NATS/1.0\r\nNats-Msg-Id: ${id}\r\n\r\n` });
  };
  const api: Pick<JetStream, "publish" | "info" | "message"> = {
    async publish(subject, body, { id, after, afterId }) {
      const fate = fates.shift() ?? "ok";
      flying += 1;
      await turn();
      flying -= 1;
      if (fate === "lost") throw new Failure("unavailable", "lost");
      if (messages.length - lost !== after || (afterId !== undefined && afterId !== lastId)) throw new Failure("sequence", "wrong last sequence");
      if (fate !== "ok" && fate !== "answer_lost") throw new Failure(fate, "refused");
      put(subject, body, id);
      if (fate === "answer_lost") throw new Failure("unavailable", "lost");
      return after + 1;
    },
    info: () => server.info(),
    async message(query) {
      const found = "seq" in query ? messages[query.seq - 1] : undefined;
      if (found === undefined) throw new Failure("none", "no message found");
      return found;
    },
  };
  const wire = {
    pause: turn,
    async persist<T>(run: () => Promise<T>, patient: () => boolean): Promise<T> {
      for (;;) {
        try {
          return await run();
        } catch (error) {
          if (!passes(error) || !patient()) throw error;
        }
        await turn();
      }
    },
  } as Partial<Wire> as Wire;
  const chain = (patient = true): Chain =>
    createChain({
      api: api as JetStream,
      wire,
      writer: "me",
      last: messages.length,
      patient: () => patient,
      taken: () => new TightbeamError("store_failed", "taken"),
    });
  const server = {
    info: async (): Promise<StreamInfo> => ({ last: messages.length - lost }) as StreamInfo,
    chain,
    messages,
    put,
    flying: () => flying,
    forget: (count: number) => {
      lost += count;
    },
  };
  return server;
}

const body = (value: number): Uint8Array => new Uint8Array([value]);
const codes = async (all: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(all)).map((each) => (each.status === "fulfilled" ? each.value : (each.reason as TightbeamError).code));

describe("the chain", () => {
  it("has in the stream exactly what it confirmed, once and in order, whatever is lost on the way or refused", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom<Fate>("ok", "ok", "answer_lost", "lost", "full", "unavailable", "nobody", "disabled"), { maxLength: 40 }),
        fc.integer({ min: 1, max: 30 }),
        async (fates, count) => {
          const server = stream([...fates]);
          const chain = server.chain();
          const results = await codes(Array.from({ length: count }, (_, i) => chain.append("s", body(i))));
          const stored = results.flatMap((result, i) => (typeof result === "number" ? [[result, i]] : []));
          expect(server.messages.map((each, i) => [i + 1, each?.body[0]])).toEqual(stored);
          expect(results.every((result) => typeof result === "number" || result === "store_full")).toBe(true);
          expect([chain.last, chain.underWay, chain.failed]).toEqual([stored.length, 0, undefined]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("goes on after a server that read its configuration again and said meanwhile that JetStream is off", async () => {
    const server = stream(["disabled"]);
    const { info } = server;
    let asked = 0;
    server.info = async () => {
      if (asked++ < 2) throw new Failure("disabled", "JetStream not enabled for account");
      return info();
    };
    const chain = server.chain();
    expect(await codes([chain.append("s", body(1)), chain.append("s", body(2))])).toEqual([1, 2]);
    expect(chain.failed).toBeUndefined();
  });

  it("TM-184: sends at most 64 messages and 1 MiB ahead of their answers", async () => {
    const server = stream([]);
    const chain = server.chain();
    const all = Array.from({ length: 200 }, (_, i) => chain.append("s", body(i & 255)));
    expect(server.flying()).toBe(64);
    await Promise.all(all);
    const large = Array.from({ length: 20 }, () => chain.append("s", new Uint8Array(300_000)));
    expect(server.flying()).toBe(4);
    await Promise.all(large);
    expect([server.messages.length, server.flying(), chain.underWay]).toEqual([220, 0, 0]);
  });

  it("TM-180: is over when another has written, also while messages of its own are on their way", async () => {
    const server = stream(["ok", "answer_lost"]);
    const chain = server.chain();
    expect(await codes([chain.append("s", body(1)), chain.append("s", body(2))])).toEqual([1, 2]);
    server.put("s", body(9), "other.1");
    const late = [chain.append("s", body(3)), chain.append("s", body(4))];
    expect(await codes(late)).toEqual(["store_failed", "store_failed"]);
    expect(await codes([chain.append("s", body(5))])).toEqual(["store_failed"]);
    expect(server.messages.map((each) => each?.body[0])).toEqual([1, 2, 9]);
  });

  it.each([
    ["another writer with the same content", (server: ReturnType<typeof stream>) => server.put("s", body(1), "other.1")],
    ["its own writer with other content", (server: ReturnType<typeof stream>) => server.put("s", body(7), "me.1")],
    ["its own writer under another subject", (server: ReturnType<typeof stream>) => server.put("t", body(1), "me.1")],
    ["a message that is gone again", (server: ReturnType<typeof stream>) => void server.messages.push(undefined)],
  ])("does not take for its own %s", async (_, foreign) => {
    const server = stream([]);
    const chain = server.chain();
    foreign(server);
    expect(await codes([chain.append("s", body(1))])).toEqual(["store_failed"]);
  });

  it("goes one at a time with a server that knows only what it has stored", async () => {
    const server = stream(["ok", "sequence", "sequence"]);
    const chain = server.chain();
    expect(await codes([1, 2, 3, 4].map((each) => chain.append("s", body(each))))).toEqual([1, 2, 3, 4]);
    const more = [5, 6].map((each) => chain.append("s", body(each)));
    expect(server.flying()).toBe(1);
    expect(await codes(more)).toEqual([5, 6]);
  });

  it("says store_damaged when the server lost what it had confirmed", async () => {
    const server = stream([]);
    const chain = server.chain();
    await Promise.all([1, 2, 3].map((each) => chain.append("s", body(each))));
    server.forget(2);
    expect(await codes([chain.append("s", body(4))])).toEqual(["store_damaged"]);
    expect(chain.failed?.message).toContain("lost 2 writes");
  });

  it("tells a missing permission and a message too large to whom it belongs, and goes on", async () => {
    const server = stream(["denied", "sequence", "too_large"]);
    const chain = server.chain();
    expect(await codes([1, 2, 3].map((each) => chain.append("s", body(each))))).toEqual(["store_read_only", expect.anything(), expect.anything()]);
    expect(await codes([chain.append("s", body(4))])).toEqual([chain.last]);
  });

  it("is over when the answer means nothing it knows, and when the stream is gone", async () => {
    for (const [fate, code] of [
      ["refused", "store_failed"],
      ["ended", "store_failed"],
    ] as const)
      expect(await codes([stream([fate]).chain().append("s", body(1))])).toEqual([code]);
  });

  it("has failed, whatever the reason, when what happened cannot be found out", async () => {
    const server = stream(["lost"]);
    server.info = () => Promise.reject(new Failure("denied", "no permission"));
    expect(await codes([server.chain().append("s", body(1))])).toEqual(["store_failed"]);
    const gone = stream(["lost"]);
    gone.info = () => Promise.reject(new Failure("gone", "stream not found"));
    expect(await codes([gone.chain().append("s", body(1))])).toEqual(["store_damaged"]);
  });

  it("does not wait for a server without an answer when it is not patient", async () => {
    expect(await codes([stream(["lost"]).chain(false).append("s", body(1))])).toEqual(["unavailable"]);
  });
});
