import { contract, method, stream, topic } from "@tightbeam/core";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect } from "vitest";
import { z } from "zod";
import { type AgentSuiteOptions, howRun, testIn } from "./place.js";
import { failure, until } from "./settling.js";

const members = {
  find: method("find", { input: z.object({ text: z.string() }), output: z.array(z.string()) }),
  count: method("count", { input: type({ text: "string" }), output: type("number") }),
  watch: stream("watch", { input: v.object({ from: v.number() }), chunk: v.number(), up: v.string(), output: v.string() }),
};
const first = contract({ name: "search", version: 1, methods: members });
const second = contract({ name: "search", version: 2, methods: { ...members, forget: method("forget") } });

async function* watching({ from }: { from: number }): AsyncGenerator<number, string> {
  for (let index = 0; index < 3; index++) yield from + index;
  return "done";
}

const ofFirst = {
  find: ({ text }: { text: string }) => [`first ${text}`],
  count: ({ text }: { text: string }) => text.length,
  watch: watching,
};

/** Contracts, their clients and their versions, whatever carries them. */
export function contractSuite(options: AgentSuiteOptions): void {
  describe(`contracts over ${options.name}`, howRun(options), () => {
    const test = testIn(options);

    test("a typed client calls what is served: methods, notifications and streams, with schemas of three libraries", async ({ pair }) => {
      const { alice, bob } = await pair();
      const forgotten: unknown[] = [];
      alice.serve(second, { ...ofFirst, forget: (input, { method: called }) => void forgotten.push(called, input) });
      const peer = bob.peer("alice", second);
      expect(await peer.find({ text: "x" })).toEqual(["first x"]);
      expect(await peer.count({ text: "four" })).toBe(4);
      const watched: number[] = [];
      const watch = peer.watch({ from: 5 });
      for await (const chunk of watch) watched.push(chunk);
      expect([watched, await watch.result]).toEqual([[5, 6, 7], "done"]);
      await peer.notify.forget({ all: true }, { confirm: "done" });
      expect(forgotten).toEqual(["search.forget@2", { all: true }]);
      for (const wrong of [peer.find({ text: 5 } as never), peer.count({ text: 5 } as never), peer.watch({ from: "x" } as never).result])
        expect((await failure(wrong)).code).toBe("invalid_input");
    });

    test("whoever has no contract at hand calls by the names that travel", async ({ pair }) => {
      const { alice, bob } = await pair();
      const forgotten: unknown[] = [];
      alice.serve(second, { ...ofFirst, forget: (input) => void forgotten.push(input) });
      expect(await bob.request("alice", "search.find@2", { text: "x" })).toEqual(["first x"]);
      await bob.notify("alice", "search.forget@2", "it", { confirm: "done" });
      expect(forgotten).toEqual(["it"]);
      expect(await bob.stream("alice", "search.watch@2", { from: 1 }).result).toBe("done");
      expect((await failure(bob.request("alice", "search.find@2", { text: 5 }))).code).toBe("invalid_input");
      expect((await failure(bob.request("alice", "search.find@3", { text: "x" }))).code).toBe("unsupported_version");
      for (const name of ["search.find@", "search.find@02", "search.find@2@2", "@2", "search.find@1e3", "search.find@1234567890"])
        expect(() => bob.request("alice", name)).toThrow("A method name is");
      expect(() => alice.handle("search.find@4", () => 1)).toThrow("A method name is");
    });

    test("versions are served side by side; another one is refused with those that there are", async ({ pair }) => {
      const { alice, bob } = await pair();
      alice.serve(first, ofFirst);
      const end = alice.serve(second, { ...ofFirst, find: ({ text }) => [`second ${text}`], forget: () => undefined });
      expect(await bob.peer("alice", first).find({ text: "x" })).toEqual(["first x"]);
      expect(await bob.peer("alice", second).find({ text: "x" })).toEqual(["second x"]);
      const third = bob.peer("alice", contract({ name: "search", version: 3, methods: { ...members, newest: method("newest") } }));
      for (const refused of [third.find({ text: "x" }), third.newest(), third.watch({ from: 1 }).result]) {
        const error = await failure(refused);
        expect(error.code).toBe("unsupported_version");
        expect(error.message).toMatch(/ is served here in version 1, 2, not 3/);
      }
      // Not of a version that is there, and not by another kind of call.
      const other = contract({ name: "search", version: 2, methods: { lost: method("lost"), watch: method("watch") } });
      for (const refused of [bob.peer("alice", other).lost(), bob.peer("alice", other).watch()]) expect((await failure(refused)).code).toBe("no_handler");
      end();
      expect((await failure(bob.peer("alice", second).find({ text: "x" }))).message).toContain("in version 1, not 2");
    });

    test("a contract's topic is published by who serves it, and a client subscribes to that agent's events alone", async ({ pair }) => {
      const { alice, bob } = await pair();
      const got: unknown[] = [];
      const watched = contract({ name: "jobs", version: 1, methods: { start: method("start"), progress: topic("progress", z.number()) } });
      bob.publishes(watched.methods.progress);
      alice.serve(watched, { start: () => alice.publish(watched.methods.progress, 50) });
      expect(alice.topics().map((each) => each.topic)).toEqual(["jobs.progress"]);
      const peer = bob.peer("alice", watched);
      const subscription = await peer.subscribe.progress((percent, { peer: { id }, topic: name }) => void got.push([id, name, percent]), { ready: 1 });
      expect(subscription.publishers.map(({ id }) => id)).toEqual(["alice"]);
      await bob.publish(watched.methods.progress, 1);
      await peer.start();
      await until(() => got.length > 0);
      expect(got).toEqual([["alice", "jobs.progress", 50]]);
      await subscription.unsubscribe();
    });

    test("TM-112: who may not call learns nothing of versions and schemas", async ({ pair }) => {
      const { alice, bob } = await pair({ alice: { policy: "token" }, bob: { permissions: ["call:search.find"] } });
      alice.serve(first, ofFirst);
      const [may, other] = [bob.peer("alice", first), bob.peer("alice", second)];
      expect(await may.find({ text: "x" })).toEqual(["first x"]);
      expect((await failure(other.find({ text: "x" }))).code).toBe("unsupported_version");
      const refused = [may.count({ text: "x" }), other.count({ text: "x" }), other.forget(), may.watch({ from: 1 }).result, other.watch({ from: 1 }).result];
      for (const error of await Promise.all(refused.map(failure))) expect(error.code).toBe("forbidden");
    });

    test("a peer says which contracts it serves; what its token permits counts", async ({ pair }) => {
      const { alice, bob } = await pair({ bob: { permissions: ["serve:search"] } });
      const link = await alice.link("bob");
      const served = () => link.peer.capabilities?.contracts;
      await until(() => served() !== undefined);
      expect(served()).toEqual([]);
      const ends = [bob.serve(second, { ...ofFirst, forget: () => undefined }), bob.serve(first, ofFirst)];
      bob.serve(contract({ name: "admin", version: 1, methods: { stop: method("stop") } }), { stop: () => undefined });
      await until(() => served()?.[0]?.versions.length === 2);
      expect(served()).toEqual([{ name: "search", versions: [1, 2] }]);
      await until(() => link.peer.capabilities?.claims.contracts.length === 2);
      for (const end of ends) end();
      await until(() => served()?.length === 0);
    });
  });
}
