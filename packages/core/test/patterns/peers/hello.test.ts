import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { type Claims, makeHello, readHello } from "../../../src/patterns/peers/hello.js";

const full: Claims = {
  protocol: 1,
  types: ["request", "event"],
  contracts: [{ name: "search", versions: [1, 3] }],
  kinds: ["summarizer"],
  load: 0.5,
  rate: { perSecond: 10, burst: 20 },
  publishes: true,
  subscribes: false,
};

const refused = (value: unknown): string => {
  try {
    readHello(value);
  } catch (error) {
    if (error instanceof TightbeamError && error.code === "invalid_input") return error.message;
    throw error;
  }
  return "taken";
};

describe("what a peer says of itself", () => {
  test("is read as it was said, frozen", () => {
    const read = readHello(JSON.parse(JSON.stringify(full)));
    expect(read).toEqual(full);
    for (const each of [read, read.contracts, read.contracts[0], read.contracts[0]?.versions, read.kinds, read.rate, read.types]) {
      expect(Object.isFrozen(each)).toBe(true);
    }
  });

  test("may leave out all but the protocol; what is not known is not kept", () => {
    const least = { protocol: 1, types: [], contracts: [], kinds: [], load: undefined, rate: undefined, publishes: false, subscribes: false };
    expect(readHello({ protocol: 1 })).toEqual(least);
    expect(readHello({ protocol: 2, types: ["request", "telepathy"], mood: "good", constructor: 5 })).toEqual({ ...least, protocol: 2, types: ["request"] });
  });

  test.each([
    ["no object", 5],
    ["nothing", undefined],
    ["null", null],
    ["a list", [1]],
    ["bytes", new Uint8Array(4)],
    ["no protocol", {}],
    ["a protocol of no number", { protocol: "1" }],
    ["a broken protocol", { protocol: 1.5 }],
    ["types that are no list", { protocol: 1, types: { length: 3 } }],
    ["a contract that is none", { protocol: 1, contracts: ["search"] }],
    ["a contract without a version", { protocol: 1, contracts: [{ name: "search", versions: [] }] }],
    ["a contract whose name is none", { protocol: 1, contracts: [{ name: "__proto__", versions: [1] }] }],
    ["versions that do not ascend", { protocol: 1, contracts: [{ name: "search", versions: [2, 2] }] }],
    ["a version of 0", { protocol: 1, contracts: [{ name: "search", versions: [0] }] }],
    ["a version beyond nine digits", { protocol: 1, contracts: [{ name: "search", versions: [1e9] }] }],
    ["a version of another type", { protocol: 1, contracts: [{ name: "search", versions: ["1"] }] }],
    ["a kind that is no name", { protocol: 1, kinds: ["a\u001b[2J"] }],
    ["a load below 0", { protocol: 1, load: -0.1 }],
    ["a load beyond numbers", { protocol: 1, load: Number.POSITIVE_INFINITY }],
    ["a rate without a burst", { protocol: 1, rate: { perSecond: 1 } }],
    ["a flag that is no boolean", { protocol: 1, publishes: "yes" }],
  ])("%s is refused, and not repeated", (_, value) => {
    const message = refused(value);
    expect(message).toMatch(/^What the peer says of itself is invalid at /);
    expect(message).not.toContain("\u001b");
  });

  test("TM-110: is bounded: contracts, versions, kinds and the characters of all names", () => {
    const contracts = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `c${index}`, versions: [1] }));
    const versions = (count: number) => [{ name: "c", versions: Array.from({ length: count }, (_, index) => index + 1) }];
    const long = (count: number) => Array.from({ length: count }, () => "x".repeat(128));
    expect(refused({ protocol: 1, contracts: contracts(limits.helloContracts) })).toBe("taken");
    expect(refused({ protocol: 1, contracts: contracts(limits.helloContracts + 1) })).toContain("contracts");
    expect(refused({ protocol: 1, contracts: versions(limits.helloVersions) })).toBe("taken");
    expect(refused({ protocol: 1, contracts: versions(limits.helloVersions + 1) })).toContain("contracts");
    expect(refused({ protocol: 1, kinds: Array.from({ length: limits.helloKinds }, () => "k") })).toBe("taken");
    expect(refused({ protocol: 1, kinds: Array.from({ length: limits.helloKinds + 1 }, () => "k") })).toContain("kinds");
    const named = long(limits.helloTextMax / 128).map((name) => ({ name, versions: [1] }));
    expect(refused({ protocol: 1, contracts: named })).toBe("taken");
    expect(refused({ protocol: 1, contracts: named, kinds: ["k"] })).toContain("characters");
  });

  const json = fc.jsonValue({ maxDepth: 4 });
  /** Mostly what belongs there. */
  const mostly = <T>(value: fc.Arbitrary<T>) => fc.oneof({ arbitrary: value, weight: 8 }, { arbitrary: json, weight: 1 });
  const plain = (members: Record<string, fc.Arbitrary<unknown>>) => fc.record(members, { noNullPrototype: true });
  const name = mostly(fc.constantFrom("search", "a.b", "x".repeat(128)));
  const near = fc.record(
    {
      protocol: mostly(fc.constant(1)),
      types: mostly(fc.array(fc.constantFrom("request", "stream", "?"))),
      contracts: mostly(fc.array(plain({ name, versions: mostly(fc.constantFrom([1], [1, 2], [3, 7])) }), { maxLength: 4 })),
      kinds: mostly(fc.array(name, { maxLength: 5 })),
      load: mostly(fc.double({ min: 0, noNaN: true })),
      rate: mostly(plain({ perSecond: fc.nat(), burst: mostly(fc.nat()) })),
      publishes: mostly(fc.boolean()),
      subscribes: fc.boolean(),
    },
    { requiredKeys: ["protocol"], noNullPrototype: true },
  );

  test("TM-110: any value gives claims of the stated shape, or a refusal", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.oneof(json, near, fc.anything()), (value) => {
        let read: Claims;
        try {
          read = readHello(value);
        } catch (error) {
          expect(error).toMatchObject({ name: "TightbeamError", code: "invalid_input" });
          return;
        }
        taken++;
        expect(Object.keys(read).sort()).toEqual(Object.keys(full).sort());
        // What was read is what would be said again: it passes the same check, unchanged.
        expect(readHello(JSON.parse(JSON.stringify(read)))).toEqual(read);
        expect(JSON.stringify(read).length).toBeLessThan(limits.helloTextMax + 64 * 1024);
      }),
      { seed: 4, numRuns: 3_000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

test("what a provider cannot say rightly is left out, and the rest is said", () => {
  const said = makeHello(
    new Map<keyof Claims, () => unknown>([
      ["protocol", () => 1],
      ["load", () => Number.NaN],
      ["publishes", () => undefined],
      [
        "kinds",
        () => {
          throw new Error("the application's own fault");
        },
      ],
      ["contracts", () => full.contracts],
    ]),
  );
  expect(said).toEqual({ protocol: 1, contracts: full.contracts });
});
