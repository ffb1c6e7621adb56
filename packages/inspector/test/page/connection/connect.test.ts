import { createVirtualRuntime } from "@tightbeam/core/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { heartbeatEvery, tokenHeader } from "../../../src/feed/protocol.js";
import { createAsk } from "../../../src/page/connection/ask.js";
import { type Connection, connect } from "../../../src/page/connection/connect.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that answers each request as the test says, and a page that follows it in virtual time. */
function page(answers: readonly ((signal: AbortSignal) => Response | Promise<Response>)[]) {
  const runtime = createVirtualRuntime({ seed: 1 });
  const asked: { readonly url: string; readonly headers: Headers }[] = [];
  const states: Connection[] = [];
  const batches: unknown[] = [];
  const fetch: typeof globalThis.fetch = async (input, options) => {
    asked.push({ url: String(input), headers: new Headers(options?.headers) });
    const answer = answers[asked.length - 1] ?? answers.at(-1);
    if (answer === undefined || options?.signal === undefined || options.signal === null) throw new TypeError("nobody listens");
    return answer(options.signal);
  };
  closers.push(connect({ runtime, fetch, token: "secret", onBatch: (batch) => batches.push(batch), onConnection: (state) => states.push(state) }));
  const settle = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
  const advance = async (ms: number): Promise<void> => {
    await settle();
    await runtime.advance(ms);
    await settle();
  };
  return { asked, states, batches, advance, settle };
}

const whole = `data: {"whole":true,"sequence":0}\n\n`;
/** Answers with this text and then stays open until it is given up. */
const open = (text: string) => (signal: AbortSignal) =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(text));
        signal.addEventListener("abort", () => controller.error(signal.reason));
      },
    }),
  );

describe("following the feed", () => {
  test("asks with the token in a header, never in the URL, and is live with the first whole batch", async () => {
    const { asked, states, batches, settle } = page([open(`: hello\n\n${whole}`)]);
    await settle();
    await settle();
    expect(asked.map(({ url, headers }) => [url, headers.get(tokenHeader)])).toEqual([["/api/feed", "secret"]]);
    expect(states.map(({ state }) => state)).toEqual(["connecting", "live"]);
    expect(batches).toEqual([{ whole: true, sequence: 0 }]);
  });

  test("a connection that ends is made again, ever more slowly, and at once faster when it was live", async () => {
    const down = (): Promise<Response> => Promise.reject(new TypeError("refused"));
    const { asked, states, advance } = page([down, down, down, down, down, down, () => new Response(whole), down]);
    const counts: number[] = [];
    for (const ms of [0, 500, 1_000, 2_000, 4_000, 5_000, 5_000]) {
      await advance(ms);
      counts.push(asked.length);
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(states.at(-1)).toMatchObject({ state: "lost" });
    await advance(500);
    expect(asked).toHaveLength(8);
  });

  test("a server that falls silent is left, and asked again", async () => {
    const { asked, states, advance } = page([open(whole)]);
    await advance(3 * heartbeatEvery - 1);
    expect(states.at(-1)?.state).toBe("live");
    await advance(2);
    await advance(0);
    expect(states.at(-1)?.state).toBe("lost");
    await advance(500);
    expect(asked).toHaveLength(2);
  });

  test.each([401, 403, 421])("a refusal (%d) is told with the server's words, and not tried again", async (status) => {
    const { asked, states, advance } = page([() => Response.json({ error: { code: "denied", message: "The token is wrong." } }, { status })]);
    await advance(0);
    await advance(60_000);
    expect(states.at(-1)).toEqual({ state: "refused", status, message: "The token is wrong." });
    expect(asked).toHaveLength(1);
  });

  test("a server that is full, or says what is no JSON, is asked again", async () => {
    const { asked, advance } = page([() => new Response("", { status: 503 }), () => new Response("data: {nonsense\n\n"), open(whole)]);
    await advance(0);
    await advance(500);
    await advance(1_000);
    expect(asked).toHaveLength(3);
  });
});

describe("asking", () => {
  const answering = (response: Response) => {
    const calls: (readonly [string, RequestInit | undefined])[] = [];
    const ask = createAsk(async (input, options) => {
      calls.push([String(input), options]);
      return response;
    }, "secret");
    return { ask, calls };
  };

  test("reads are GET with fields in the query, actions POST with JSON; both carry the token in a header only", async () => {
    const read = answering(Response.json({ letters: [] }));
    expect(await read.ask("letters", { agent: "a/1 ü", limit: 5 })).toEqual({ ok: true, value: { letters: [] } });
    expect(read.calls[0]).toMatchObject(["/api/letters?agent=a%2F1+%C3%BC&limit=5", { method: "GET", headers: { [tokenHeader]: "secret" } }]);
    const act = answering(Response.json({ discarded: 1 }));
    await act.ask("discard", { agent: "a/1", id: "x" });
    expect(act.calls[0]).toMatchObject(["/api/discard", { method: "POST", body: '{"agent":"a/1","id":"x"}', headers: { [tokenHeader]: "secret" } }]);
  });

  test("what is refused, garbled or not answered is an answer with words", async () => {
    const refused = answering(Response.json({ error: { code: "denied", message: "This inspector only shows." } }, { status: 403 }));
    expect(await refused.ask("replay", { agent: "a", id: "x" })).toEqual({ ok: false, code: "denied", message: "This inspector only shows." });
    expect(await answering(Response.json({}, { status: 500 })).ask("traces", {})).toMatchObject({ ok: false, message: "The inspector answered 500." });
    expect(await answering(new Response("<html>")).ask("traces", {})).toMatchObject({ ok: false, code: "unavailable" });
    const refusing = createAsk(async () => Response.json({ error: { code: "handler_failed", message: "no\u202Eway" } }, { status: 502 }), "");
    expect(await refusing("traces", {})).toEqual({ ok: false, code: "handler_failed", message: "no\uFFFDway" });
    expect(await createAsk(() => Promise.reject(new TypeError("down")), "")("traces", {})).toMatchObject({ ok: false, code: "unavailable" });
  });
});
