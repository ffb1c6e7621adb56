import { type Address, address, isAddress } from "@tightbeam/core/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSubjects, queueOf } from "../src/subjects.js";
import { odd } from "./odd.js";

const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const addresses = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => address(...segments));
const onWire = /^[A-Za-z0-9-][A-Za-z0-9_-]{0,63}(?:\.[A-Za-z0-9_-]{1,64}){1,4}$/;

describe("subjects", () => {
  it("are the address behind the prefix, and come back", () => {
    const subjects = createSubjects("tightbeam");
    expect(subjects.encode(address("agent", "acme", "alice"))).toBe("tightbeam.agent.acme.alice");
    expect(subjects.decode("tightbeam.agent.acme.alice")).toBe("agent/acme/alice");
    fc.assert(
      fc.property(segment, addresses, (prefix, at) => {
        fc.pre(!prefix.startsWith("_"));
        const each = createSubjects(prefix);
        expect(each.encode(at)).toMatch(onWire);
        expect(each.decode(each.encode(at))).toBe(at);
      }),
    );
  });

  it("of two addresses or two prefixes are never one", () => {
    fc.assert(
      fc.property(segment, segment, addresses, addresses, (p, q, a, b) => {
        fc.pre(!p.startsWith("_") && !q.startsWith("_") && (p !== q || a !== b));
        expect(createSubjects(p).encode(a)).not.toBe(createSubjects(q).encode(b));
      }),
    );
  });

  it("are made of nothing but addresses", () => {
    const subjects = createSubjects("t");
    const refused = { name: "TightbeamError", code: "invalid_address" };
    for (const one of odd) expect(() => subjects.encode(one as Address), JSON.stringify(one)).toThrow(expect.objectContaining(refused));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (one) => {
        fc.pre(!isAddress(one));
        expect(() => subjects.encode(one as Address)).toThrow(expect.objectContaining(refused));
      }),
    );
  });

  it("of others are not read as addresses", () => {
    const subjects = createSubjects("t");
    for (const one of ["t", "t.", "u.agent.a", "t.agent/a", "t.agent..a", "t.*", "t.>", "t.a b", "tt.agent.a", "$SYS.x", "t.a.b.c.d.e"])
      expect(subjects.decode(one), one).toBeUndefined();
  });

  it.each([...odd, "a.b", "_INBOX", "_R_", "_", "x".repeat(65), "$JS", "ä"])("refuse the prefix %j", (prefix) => {
    expect(() => createSubjects(prefix)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("go with queues made of groups in the same way", () => {
    expect(queueOf("acme/alice")).toBe("acme.alice");
    expect(queueOf("alice")).toBe("alice");
    for (const one of [...odd, "a/b/c", "a.b"]) expect(() => queueOf(one), JSON.stringify(one)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});
