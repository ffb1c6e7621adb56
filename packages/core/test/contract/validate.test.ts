import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";
import { validate } from "../../src/contract/validate.js";
import { isTightbeamError, type TightbeamError } from "../../src/errors.js";

const secret = "hunter2-secret";
/** A schema that refuses everything with these issues. */
const refusing = (...issues: StandardSchemaV1.Issue[]): StandardSchemaV1 => ({ "~standard": { version: 1, vendor: "test", validate: () => ({ issues }) } });

async function refusal(schema: StandardSchemaV1, value: unknown, where: "input" | "output" = "input"): Promise<TightbeamError> {
  try {
    await validate(schema, value, where);
  } catch (error) {
    if (isTightbeamError(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("validate", () => {
  test("gives at once what a synchronous schema makes of the value", () => {
    const schema = z.object({ n: z.number().default(3), at: z.string().transform((text) => text.length) });
    const result = validate(schema, { at: "four" }, "input");
    expect(result).toEqual({ n: 3, at: 4 });
    expectTypeOf(result).toEqualTypeOf<{ n: number; at: number } | Promise<{ n: number; at: number }>>();
  });

  test("waits for an asynchronous one", async () => {
    const schema = z.string().refine(async (text) => text === "good", "must be good");
    await expect(validate(schema, "good", "output")).resolves.toBe("good");
    expect(await refusal(schema, "else", "output")).toMatchObject({ code: "invalid_output", message: "output: must be good." });
  });

  test("returns the value of the schema itself: nothing is copied or merged", () => {
    const value = JSON.parse('{"__proto__":{"polluted":1},"a":1}');
    const pass: StandardSchemaV1 = { "~standard": { version: 1, vendor: "test", validate: (given) => ({ value: given }) } };
    expect(validate(pass, value, "input")).toBe(value);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test.each([
    ["z.object", z.object({ a: z.number() })],
    ["z.strictObject", z.strictObject({ a: z.number() })],
    ["z.looseObject", z.looseObject({ a: z.number() })],
    ["z.record", z.record(z.string(), z.any())],
    ["mini.object", mini.object({ a: mini.number() })],
  ])("%s and __proto__ leave every prototype alone", async (_, schema) => {
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":1}');
    await (async () => validate(schema, hostile, "input"))().catch(() => undefined);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe("refusals name path and expectation", () => {
  const person = z.object({ name: z.string().min(3), age: z.int().max(150), tags: z.array(z.enum(["a", "b"])), mail: z.optional(z.email()) });
  const good = { name: "alice", age: 30, tags: ["a"] };
  test.each<[string, unknown, string]>([
    ["no object", 5, "input: Invalid input: expected object"],
    ["missing", { ...good, name: undefined }, "input.name: Invalid input: expected string"],
    ["other type", { ...good, age: secret }, "input.age: Invalid input: expected number"],
    ["too short", { ...good, name: "zz" }, "input.name: Too small: expected string to have >=3 characters"],
    ["too large", { ...good, age: 151 }, "input.age: Too big: expected number to be <=150"],
    ["in an array", { ...good, tags: ["a", secret] }, 'input.tags[1]: Invalid option: expected one of "a" | "b"'],
    ["format", { ...good, mail: secret }, "input.mail: Invalid email address"],
    ["several", { name: 1, age: "x", tags: 1 }, "input.name: Invalid input: expected string (and 2 more)"],
  ])("zod: %s", async (_, value, message) => {
    const error = await refusal(person, value);
    expect(error.message).toBe(`${message}.`);
    expect(error.code).toBe("invalid_input");
    expect(error.cause).toBeUndefined();
  });

  test.each<[string, StandardSchemaV1, unknown, string]>([
    [
      "an enum",
      z.object({ city: z.enum(["berlin", "rome"]), was: z.string() }),
      { city: secret, was: "rome" },
      'input.city: Invalid option: expected one of "berlin" | "rome"',
    ],
    ["literals", z.literal(["a", 1, null, true]), secret, 'input: Invalid option: expected one of "a" | 1 | null | true'],
    [
      "a discriminator",
      z.discriminatedUnion("t", [z.object({ t: z.literal("a") }), z.object({ t: z.literal("b") })]),
      { t: secret },
      'input.t: Invalid discriminator value. Expected "a" | "b"',
    ],
    [
      "more than there is room for",
      z.enum(Array.from({ length: 1_000 }, (_, i) => `option-${i}`)),
      secret,
      /^input: expected one of "option-0" \| .{200,230} \| …\.$/ as unknown as string,
    ],
    ["a value that is within an option", z.enum(["rome-tivoli", "x"]), "rome", "input: Invalid option: expected one of …"],
  ])("zod says what it would take: %s", async (_, schema, value, message) => {
    expect((await refusal(schema, value)).message).toEqual(typeof message === "string" ? `${message}.` : expect.stringMatching(message));
  });

  test("the developer's own words are shown", async () => {
    expect((await refusal(z.object({ name: z.string().min(3, "give at least three letters") }), { name: "x" })).message).toBe(
      "input.name: give at least three letters.",
    );
  });
});

describe("TM-73 refusals never hold the value", () => {
  const leaky: [string, StandardSchemaV1, unknown][] = [
    ["valibot's text", refusing({ message: `Invalid type: Expected string but received "${secret}"` }), secret],
    ["valibot's number", refusing({ message: "Invalid type: Expected string but received 8675309" }), 8675309],
    ["arktype's text", refusing({ message: `name must be a number (was "${secret}")`, path: ["name"] }), { name: secret }],
    ["zod's unknown key", z.strictObject({}), { [`${secret} is my key`]: 1 }],
    ["custom text with the value", z.string().refine(() => false, { error: (issue) => `${String(issue.input)} is not good` }), secret],
    ["custom text with the value in other case", refusing({ message: `bad: ${secret.toUpperCase()}` }), secret],
    ["custom text with a value elsewhere", refusing({ message: `mismatch with ${secret}`, path: ["a"] }), { a: 1, deep: [{ b: secret }] }],
    ["custom text with a number", refusing({ message: "42 is too few" }), { pin: 42 }],
    ["quotes in the value", refusing({ message: `Unexpected "a" ${secret} "b"` }), { other: 1 }],
    ["an open quote", refusing({ message: `Unexpected '${secret}` }), { other: 1 }],
    ["a value longer than what is shown", refusing({ message: `${secret.repeat(20)} is too long` }), secret.repeat(20)],
    ["a huge message", refusing({ message: `no ${secret}${"x".repeat(1_000_000)}` }), { other: 1 }],
    [
      "a getter that throws",
      refusing({ message: `no "${secret}"` }),
      {
        get a(): never {
          throw new Error(secret);
        },
      },
    ],
    [
      "options of a refinement",
      z.string().superRefine((value, context) => void context.issues.push({ code: "invalid_value", values: [value], input: value })),
      secret,
    ],
    ["no message", refusing({ message: undefined as unknown as string }), secret],
    ["no issue", refusing(), secret],
  ];
  test.each(leaky)("%s", async (_, schema, value) => {
    const error = await refusal(schema, value);
    expect(error.code).toBe("invalid_input");
    expect(error.message.toLowerCase()).not.toContain(secret);
    expect(error.message).not.toMatch(/8675309|\b42\b/);
    expect(error.message.length).toBeLessThan(200);
    expect(error.cause).toBeUndefined();
  });

  test("paths and texts are cut and printable", async () => {
    const error = await refusal(
      refusing({ message: `\x1b[31mred\r\n${"long ".repeat(100)}`, path: [{ key: "k\n".repeat(500) }, 3, Symbol("s"), ...Array(100).fill("p")] }),
      {},
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what must be absent
    expect(error.message).not.toMatch(/[\u0000-\u001f]/);
    expect(error.message.length).toBeLessThan(400);
  });
});

describe("schemas that break", () => {
  const made = (run: () => unknown): StandardSchemaV1 => ({
    "~standard": { version: 1, vendor: "test", validate: run as () => StandardSchemaV1.Result<unknown> },
  });
  const bug = new RangeError(secret);
  test.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw bug;
      },
    ],
    ["rejects", () => Promise.reject(bug)],
  ])("one that %s is a refusal; its error stays at home as the cause", async (_, run) => {
    const error = await refusal(made(run), 1, "output");
    expect(error.code).toBe("invalid_output");
    expect(error.message).not.toContain(secret);
    expect(error.cause).toBe(bug);
  });
  test.each([undefined, null, 5])("one that returns %o is a refusal", async (result) => {
    expect(
      (
        await refusal(
          made(() => result),
          1,
        )
      ).code,
    ).toBe("invalid_input");
    expect(
      (
        await refusal(
          made(async () => result),
          1,
        )
      ).code,
    ).toBe("invalid_input");
  });
});
