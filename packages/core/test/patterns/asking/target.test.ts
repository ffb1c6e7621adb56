import { describe, expect, it } from "vitest";
import { isBroadcast, type Target, toTarget } from "../../../src/patterns/asking/target.js";

const instance = "iiiiiiiiiiiiiiiiiiiiii";

describe("toTarget", () => {
  it("takes ids, instances and kinds", () => {
    expect(toTarget("acme/alice")).toEqual({ id: "acme/alice" });
    expect(toTarget({ id: "alice", instance })).toEqual({ id: "alice", instance });
    expect(toTarget({ kind: "worker" })).toEqual({ id: "", kind: "worker", strategy: "least-loaded" });
    expect(toTarget({ kind: "a.b/c", strategy: "random" })).toEqual({ id: "", kind: "a.b/c", strategy: "random" });
  });

  it.each([
    [""],
    ["a/b/c"],
    ["alice\r\n"],
    ["*"],
    [">"],
    ["$SYS.x"],
    ["_INBOX.1"],
    [undefined],
    [null],
    [7],
    [[]],
    [{}],
    [{ id: "" }],
    [{ id: "alice", instance: "short" }],
    [{ id: "alice", kind: "worker" }],
    [{ id: "", kind: "worker" }],
    [{ kind: "" }],
    [{ kind: "*" }],
    [{ kind: "a..b" }],
    [{ kind: "a b" }],
    [{ kind: "a".repeat(129) }],
    [{ kind: "worker", strategy: "nearest" }],
    [{ kind: "worker", strategy: "__proto__" }],
    [{ kind: "worker", strategy: "broadcast" }],
    [{ kind: {} }],
  ])("%j is none", (target) => expect(toTarget(target as Target)).toBeUndefined());

  it("knows a broadcast", () => {
    expect(isBroadcast({ kind: "worker", strategy: "broadcast" })).toBe(true);
    for (const other of [null, 7, {}, { kind: "worker" }, { kind: "a b", strategy: "broadcast" }, { strategy: "broadcast" }])
      expect(isBroadcast(other)).toBe(false);
  });
});
