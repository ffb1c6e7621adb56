import { address, agentAddress, inboxAddress, isAddress, isAgentId, isInstance, parseInbox } from "@tightbeam/core/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const segment = (maxLength = 64) => fc.string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength });
const instance = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 22, maxLength: 22 });

const refused: [string, string][] = [
  ["nothing", ""],
  ["a lone slash", "/"],
  ["an empty first segment", "/a"],
  ["an empty last segment", "a/"],
  ["an empty middle segment", "a//b"],
  ["five segments", "a/b/c/d/e"],
  ["a segment of 65", "a".repeat(65)],
  ["a very long one", "a".repeat(1_000_000)],
  ["the NATS wildcard *", "agent/*"],
  ["the NATS wildcard >", "agent/>"],
  ["the MQTT wildcard #", "agent/#"],
  ["the MQTT wildcard +", "agent/+/x"],
  ["a dot", "agent.bob"],
  ["dots that climb", "agent/../bob"],
  ["$SYS", "$SYS/x"],
  ["CR LF", "agent/bob\r\nPUB x 0"],
  ["a final newline", "agent/bob\n"],
  ["a first newline", "\nagent/bob"],
  ["NUL", "agent/bob\0"],
  ["ESC", "agent/\u001b[2J"],
  ["a space", "agent/bo b"],
  ["a percent", "agent/%2e%2e"],
  ["a backslash", "agent\\bob"],
  ["a Cyrillic look-alike", "agent/b\u043eb"],
  ["a combining accent", "agent/bo\u0301b"],
  ["a full-width letter", "agent/\uff42ob"],
  ["a zero-width space", "agent/b\u200bob"],
  ["a right-to-left mark", "agent/\u202ebob"],
  ["a lone surrogate", "agent/\ud800"],
  ["a long s, which some case folding takes for s", "agent/\u017f"],
  ["a Kelvin sign, which some case folding takes for k", "agent/\u212a"],
];

describe("address()", () => {
  it.each(refused)("refuses %s", (_, value) => {
    expect(isAddress(value)).toBe(false);
    expect(() => address(value)).toThrow(expect.objectContaining({ code: "invalid_address" }));
    expect(() => address(...value.split("/"))).toThrow(expect.objectContaining({ code: "invalid_address" }));
  });

  it("never repeats what it refuses: it may be long, or made for a terminal", () => {
    expect(() => address("evil\u001b]0;title\u0007")).toThrow(expect.objectContaining({ message: expect.not.stringContaining("evil") }));
    expect(() => address()).toThrow(expect.objectContaining({ code: "invalid_address" }));
  });

  it("takes every address of the grammar and changes nothing", () => {
    fc.assert(
      fc.property(fc.array(segment(), { minLength: 1, maxLength: 4 }), (segments) => {
        expect(address(...segments)).toBe(segments.join("/"));
        expect(address(segments.join("/")).split("/")).toEqual(segments);
      }),
    );
    for (const name of ["__proto__", "constructor", "toString", "-", "_", "0", "a".repeat(64)])
      expect(address(name, name, name, name)).toBe([name, name, name, name].join("/"));
  });

  it("gives an address or a typed error for any string, and only one made of the alphabet", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."ab/*>.\r\n\0é") })), (value) => {
        const expected =
          value.split("/").length <= 4 && value.split("/").every((one) => one.length >= 1 && one.length <= 64 && [...one].every((c) => alphabet.includes(c)));
        expect(isAddress(value)).toBe(expected);
        if (!expected) expect(() => address(value)).toThrow(expect.objectContaining({ code: "invalid_address" }));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("addresses of agents", () => {
  const agentId = fc.oneof(
    segment(),
    fc.tuple(segment(), segment()).map((parts) => parts.join("/")),
  );

  it("hold an agent's id and instance, and give them back", () => {
    fc.assert(
      fc.property(agentId, instance, (id, one) => {
        expect(isAgentId(id)).toBe(true);
        expect(agentAddress(id)).toBe(`agent/${id}`);
        expect(parseInbox(inboxAddress(id, one))).toEqual({ agentId: id, instance: one });
      }),
    );
  });

  it("parse to nothing when they are no inbox", () => {
    const ok = "i".repeat(22);
    const cases = [
      "",
      "inbox",
      "inbox/",
      `inbox/${ok}`,
      `inbox/a/${ok}0`,
      `inbox/a/${ok.slice(1)}`,
      `agent/a/${ok}`,
      `inbox/a/b/c/${ok}`,
      `inbox//${ok}`,
      `inbox/a/${ok}\n`,
      `Inbox/a/${ok}`,
    ];
    for (const value of cases) expect(parseInbox(value)).toBeUndefined();
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        const parsed = parseInbox(value);
        if (parsed !== undefined) expect(inboxAddress(parsed.agentId, parsed.instance)).toBe(value);
      }),
    );
  });

  it("know an id and an instance from anything else", () => {
    for (const value of ["", "a/b/c", "a/", "/a", "a b", "*", "a\n", "a".repeat(65), undefined, null, 1, {}, ["a"]]) expect(isAgentId(value)).toBe(false);
    for (const value of ["", "i".repeat(21), "i".repeat(23), `${"i".repeat(21)}=`, `${"i".repeat(22)}\n`, undefined, 22, ["i".repeat(22)]])
      expect(isInstance(value)).toBe(false);
    expect(() => agentAddress("a/b/c/d")).toThrow(expect.objectContaining({ code: "invalid_address" }));
  });
});
