import type { Agent, HandledStreamChunk, HandledStreamInput, HandledStreamOutput, HandledStreamUp, StreamCall, StreamContext } from "@tightbeam/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { type Stream, type StreamChunk, type StreamInput, type StreamOutput, type StreamUp, stream } from "../../src/contract/stream.js";

const tokens = stream("tokens", { input: z.object({ prompt: z.string() }), chunk: z.string(), output: z.object({ words: z.number() }) });
const untyped = stream("untyped");
const turned = stream("turned", {
  input: z.object({ at: z.string().transform((text) => new Date(text)), n: z.number().default(1) }),
  chunk: z.string().transform(Number),
  up: z.string().transform(Number),
  output: z.string().transform(Number),
});
/** Never called: what is in it is for the compiler. */
const unused = (run: (agent: Agent) => unknown): number => run.length;

describe("stream()", () => {
  test("is frozen, named as methods are, and refuses what is no schema and no option", () => {
    expect([tokens.kind, tokens.name, Object.isFrozen(tokens)]).toEqual(["stream", "tokens", true]);
    for (const name of ["", "a b", "tb/mine", ".a", "a..b", "a@1", "x".repeat(129)]) expect(() => stream(name)).toThrow(/stream name/);
    for (const side of ["input", "chunk", "up", "output"])
      expect(() => stream("s", { [side]: { parse: () => 1 } })).toThrow(`The ${side} of stream("s") is not a Standard Schema v1`);
    // @ts-expect-error an option that does not exist
    expect(() => stream("s", { chunks: z.string() })).toThrow("input, chunk, up, output");
    // @ts-expect-error a validator without the Standard Schema interface
    expect(() => stream("s", { chunk: { parse: (value: unknown) => value } })).toThrow();
  });
});

describe("types of streams", () => {
  test("caller and handler see the two sides of each schema", () => {
    expectTypeOf<StreamInput<typeof turned>>().toEqualTypeOf<{ at: string; n?: number | undefined }>();
    expectTypeOf<HandledStreamInput<typeof turned>>().toEqualTypeOf<{ at: Date; n: number }>();
    expectTypeOf<HandledStreamChunk<typeof turned>>().toEqualTypeOf<string>();
    expectTypeOf<StreamChunk<typeof turned>>().toEqualTypeOf<number>();
    expectTypeOf<StreamUp<typeof turned>>().toEqualTypeOf<string>();
    expectTypeOf<HandledStreamUp<typeof turned>>().toEqualTypeOf<number>();
    expectTypeOf<HandledStreamOutput<typeof turned>>().toEqualTypeOf<string>();
    expectTypeOf<StreamOutput<typeof turned>>().toEqualTypeOf<number>();
    expectTypeOf<StreamChunk<typeof untyped>>().toEqualTypeOf<unknown>();
    const list: readonly Stream[] = [tokens, untyped, turned];
    expect(list).toHaveLength(3);
  });

  test("the caller's stream is as its contract says", () => {
    unused((agent) => {
      const opened = agent.stream("a", tokens, { prompt: "x" });
      expectTypeOf(opened).toEqualTypeOf<StreamCall<string, unknown, { words: number }>>();
      expectTypeOf(opened.result).resolves.toEqualTypeOf<{ words: number }>();
      expectTypeOf(agent.stream("a", turned, { at: "" }).write).parameters.toEqualTypeOf<[string]>();
      expectTypeOf(agent.stream("a", "name")).toEqualTypeOf<StreamCall>();
      // Where the contract says nothing of it, the input may be left out.
      return agent.stream("a", untyped);
    });
    expect(unused((agent) => agent)).toBe(1);
  });

  test("what does not fit the contract does not compile", () => {
    expect(
      unused((agent) => {
        // @ts-expect-error the input is missing
        void agent.stream("a", tokens);
        // @ts-expect-error another input
        void agent.stream("a", tokens, { prompt: 1 });
        // @ts-expect-error no such option
        void agent.stream("a", tokens, { prompt: "" }, { windows: 1 });
        // @ts-expect-error a source of something else
        void agent.stream("a", turned, { at: "" }, { source: [1] });
        // @ts-expect-error something else is written
        void agent.stream("a", turned, { at: "" }).write(1);
        // @ts-expect-error a stream is not requested
        void agent.request("a", tokens, { prompt: "" });
        // @ts-expect-error nor notified
        void agent.notify("a", tokens, { prompt: "" });
        // @ts-expect-error a chunk of another type
        agent.handle(tokens, async function* () {
          yield 1;
          return { words: 1 };
        });
        // @ts-expect-error another output
        agent.handle(tokens, async function* () {
          yield "x";
          return { words: "1" };
        });
        // @ts-expect-error no output
        agent.handle(tokens, async function* () {
          yield "x";
        });
        // @ts-expect-error a function whose output is another one
        agent.handle(tokens, async () => 1);
        // @ts-expect-error its input has no such member
        agent.handle(tokens, async ({ text }) => ({ words: text }));
        // @ts-expect-error no such option
        agent.handle(tokens, async () => ({ words: 1 }), { size: 1 });
        agent.handle(turned, async (input, context) => {
          expectTypeOf(input).toEqualTypeOf<{ at: Date; n: number }>();
          expectTypeOf(context).toEqualTypeOf<StreamContext<number>>();
          return "1";
        });
      }),
    ).toBe(1);
  });
});
