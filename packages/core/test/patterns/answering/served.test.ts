import { describe, expect, test } from "vitest";
import { contract, method, topic } from "../../../src/contract/index.js";
import { TightbeamError } from "../../../src/errors.js";
import * as limits from "../../../src/limits.js";
import { missing } from "../../../src/patterns/answering/missing.js";
import { createServed } from "../../../src/patterns/answering/served.js";

const make = (name: string, version: number) => contract({ name, version, methods: { find: method("find") } });

describe("what is served", () => {
  test("is listed by name, versions ascending, and told to peers when it changes", () => {
    let changes = 0;
    const served = createServed({ changed: () => changes++, publishes: () => () => undefined });
    const end = served.add(make("search", 3));
    served.add(make("other", 1));
    served.add(make("search", 1));
    expect(served.list).toEqual([
      { name: "search", versions: [1, 3] },
      { name: "other", versions: [1] },
    ]);
    end();
    end();
    expect(served.list[0]).toEqual({ name: "other", versions: [1] });
    expect(changes).toBe(4);
  });

  test("declares its topics: once for all versions, until the last of them ends", () => {
    const progress = topic("progress");
    const declared: string[] = [];
    let taken = false;
    const served = createServed({
      changed: () => undefined,
      publishes({ name }) {
        if (taken) throw new TightbeamError("invalid_argument", "It is declared already.");
        declared.push(name);
        return () => void declared.splice(declared.indexOf(name), 1);
      },
    });
    const [first, second] = [1, 2].map((version) => served.add(contract({ name: "jobs", version, methods: { progress } })));
    expect(declared).toEqual(["jobs.progress"]);
    first?.();
    first?.();
    expect(declared).toEqual(["jobs.progress"]);
    second?.();
    expect(declared).toEqual([]);
    // The application's own settings stay, and are not ended.
    taken = true;
    served.add(contract({ name: "jobs", version: 1, methods: { progress } }))();
    expect(declared).toEqual([]);
  });

  test("is served once per version, and again after its end", () => {
    const served = createServed({ changed: () => undefined, publishes: () => () => undefined });
    const end = served.add(make("search", 1));
    expect(() => served.add(make("search", 1))).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    end();
    served.add(make("search", 1));
  });

  test("TM-110: is as much as peers take, and no more", () => {
    const served = createServed({ changed: () => undefined, publishes: () => () => undefined });
    for (let version = 1; version <= limits.helloVersions; version++) served.add(make("search", version));
    expect(() => served.add(make("search", 100))).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    for (let index = 1; index < limits.helloContracts; index++) served.add(make(`c${index}`, 1));
    expect(() => served.add(make("more", 1))).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    const long = createServed({ changed: () => undefined, publishes: () => () => undefined });
    for (let index = 0; index < 40; index++) long.add(make(`${String(index).padStart(2, "0")}${"x".repeat(98)}`, 1));
    expect(() => long.add(make("y".repeat(100), 1))).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  test.each([
    ["search.find@2", [], "unsupported_version", "'search.find' is served here in version 1, 3, not 2"],
    ["search.find", [], "unsupported_version", "'search.find' is served here in version 1, 3."],
    ["search.findAll@2", [], "unsupported_version", "'search' is served here in version 1, 3, not 2"],
    ["search.findAll@3", [], "no_handler", "'search.findAll@3'"],
    ["search.findAll", [], "no_handler", "'search.findAll'"],
    ["searches.find@2", [], "no_handler", "'searches.find@2'"],
    ["find@2", [], "no_handler", "'find@2'"],
    ["search@2", [], "no_handler", "'search@2'"],
    ["search.more.other@7", [], "unsupported_version", "'search.more' is served here in version 5, not 7"],
    // One method by itself, without serve().
    ["lone.find@2", ["lone.find@10", "lone.find@9", "lone.findAll@2"], "unsupported_version", "in version 9, 10, not 2"],
  ])("%s beside %j: %s", (name, handled, code, message) => {
    const served = createServed({ changed: () => undefined, publishes: () => () => undefined });
    const all = [make("search", 3), make("search", 1), make("search.more", 5)];
    for (const each of all) served.add(each);
    const error = missing(name, {
      served,
      members: () => [...handled.map((each) => ({ name: each, kind: "method" })), ...all.map(({ methods }) => methods.find)],
    });
    expect(error).toMatchObject({ code, retryable: false });
    expect(error.message).toContain(message);
  });

  test("an answer names at most 16 versions", () => {
    const handled = Array.from({ length: 500 }, (_, index) => ({ name: `many.find@${index + 1}`, kind: "method" }));
    const { message } = missing("many.find@1000", { served: { list: [] }, members: () => handled });
    expect(message).toContain("485, 486");
    expect(message).not.toContain(" 484");
  });
});
