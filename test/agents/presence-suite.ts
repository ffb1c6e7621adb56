import { type Agent, type AgentEvent, method, stream } from "@tightbeam/core";
import { describe, expect } from "vitest";
import { z } from "zod";
import { type AgentSuiteOptions, howRun, type Place, testIn } from "./place.js";
import { failure, until } from "./settling.js";

const work = method("work", { input: z.object({ n: z.number() }), output: z.object({ by: z.string() }), idempotent: true });

const letters = stream("letters", { input: z.object({ count: z.number() }), chunk: z.string() });

/** How agents find each other and choose among those they found, whatever carries it. */
export function presenceSuite(options: AgentSuiteOptions): void {
  describe(`presence over ${options.name}`, howRun(options), () => {
    const test = testIn(options);

    /** Often, so that no test waits for a hint that the medium lost. */
    const presence = { every: 200 };

    async function worker(here: Place, id: string, load?: () => number, options: { kinds?: string[]; allowed?: string[] } = {}): Promise<Agent> {
      const { kinds = ["worker"], allowed = kinds } = options;
      const identity = await here.authority.enroll(id, { permissions: allowed.map((kind) => `serve:${kind}`) });
      const agent = await here.join(id, { identity, kinds, presence, ...(load === undefined ? {} : { load }) });
      agent.handle(work, () => ({ by: agent.id }));
      return agent;
    }

    const idsOf = (agent: Agent, kind = "worker"): string[] =>
      agent
        .peers({ kind })
        .map(({ id }) => id)
        .sort();

    test("G-50 those who serve and those who look find each other, whoever came first", async ({ place }) => {
      const here = await place();
      await worker(here, "early");
      const seeker = await here.join("seeker", { presence });
      const seen: string[] = [];
      seeker.onPeer(({ type, peer }) => void seen.push(`${type} ${peer.id} ${peer.kinds}`));
      expect(seeker.peers()).toEqual([]);
      await until(() => idsOf(seeker).length === 1);
      await worker(here, "late");
      await until(() => idsOf(seeker).length === 2);
      expect(idsOf(seeker)).toEqual(["early", "late"]);
      expect(idsOf(seeker, "painter")).toEqual([]);
      expect(seen).toEqual(expect.arrayContaining(["up early worker", "up late worker"]));
      expect(seeker.status().presence.state).toBe("on");
      const [first] = seeker.peers({ kind: "worker" });
      expect(first).toMatchObject({ kinds: ["worker"], load: undefined, link: { peer: { id: first?.id } } });
      await until(() => first?.link.state === "up");
    });

    test("a request by kind waits for a peer, in whichever order they come", async ({ place }) => {
      const here = await place();
      const seeker = await here.join("seeker", { presence });
      const asked = seeker.request({ kind: "worker" }, work, { n: 1 });
      const noted: unknown[] = [];
      const agent = await worker(here, "worker-1");
      agent.handle("note", (input) => void noted.push(input));
      expect(await asked).toEqual({ by: "worker-1" });
      await seeker.notify({ kind: "worker", strategy: "direct" }, "note", 7, { confirm: "done" });
      expect(noted).toEqual([7]);
      expect((await seeker.link({ kind: "worker" })).peer.id).toBe("worker-1");
    });

    test("G-51 what a peer claims to serve counts only as far as its token permits", async ({ place }) => {
      const here = await place();
      await worker(here, "honest");
      const liar = await worker(here, "liar", () => 0, { kinds: ["worker", "painter"], allowed: ["painter"] });
      const seeker = await here.join("seeker", { presence });
      await until(() => idsOf(seeker, "worker").length === 1 && idsOf(seeker, "painter").length === 1);
      expect(idsOf(seeker, "worker")).toEqual(["honest"]);
      expect(seeker.peers({ kind: "painter" })).toMatchObject([{ id: "liar", instance: liar.instance, kinds: ["painter"], load: 0 }]);
      for (let n = 0; n < 5; n++) expect(await seeker.request({ kind: "worker" }, work, { n })).toEqual({ by: "honest" });
    });

    test("strategies: direct, round-robin, least-loaded, random", async ({ place }) => {
      const here = await place();
      const loads = [5, 0, 5];
      for (const [index] of loads.entries()) await worker(here, `worker-${index}`, () => loads[index] as number);
      const seeker = await here.join("seeker", { presence });
      seeker.peers();
      await until(() => seeker.peers({ kind: "worker" }).filter(({ load }) => load !== undefined).length === 3);
      const by = async (strategy: "direct" | "round-robin" | "least-loaded" | "random", count: number): Promise<string[]> => {
        const names: string[] = [];
        for (let n = 0; n < count; n++) names.push((await seeker.request({ kind: "worker", strategy }, work, { n })).by);
        return names;
      };
      /** A worker that is silent, or whose link ended and began again, is passed over, as it should be: a round in which one was shows nothing of the order. */
      const undisturbed = async (ask: () => Promise<string[]>): Promise<string[]> => {
        for (;;) {
          await until(() => idsOf(seeker).length === loads.length && seeker.links().every(({ state }) => state === "up"));
          let disturbed = false;
          const end = seeker.onEvent(({ type }) => {
            disturbed ||= type === "link" || type === "link_ended";
          });
          const names = await ask();
          end();
          if (!disturbed) return names;
        }
      };
      expect(new Set(await undisturbed(() => by("direct", 4))).size).toBe(1);
      const round = await undisturbed(() => by("round-robin", 6));
      expect(new Set(round.slice(0, 3)).size).toBe(3);
      expect(round.slice(3)).toEqual(round.slice(0, 3));
      expect(await undisturbed(() => by("least-loaded", 4))).toEqual(["worker-1", "worker-1", "worker-1", "worker-1"]);
      loads[0] = 1;
      loads[1] = 9;
      await until(() => seeker.peers({ kind: "worker" }).some(({ load }) => load === 9) && seeker.peers({ kind: "worker" }).some(({ load }) => load === 1));
      expect(await undisturbed(() => by("least-loaded", 2))).toEqual(["worker-0", "worker-0"]);
      const random = await by("random", 40);
      expect(new Set(random).size).toBe(3);
    });

    test("least-loaded counts what is under way from here", async ({ place }) => {
      const here = await place();
      const workers = [await worker(here, "a"), await worker(here, "b")];
      const release: (() => void)[] = [];
      for (const agent of workers) agent.handle("slow", () => new Promise((resolve) => release.push(() => resolve(agent.id))));
      const seeker = await here.join("seeker", { presence });
      await until(() => idsOf(seeker).length === 2);
      const slow = Array.from({ length: 6 }, () => seeker.request({ kind: "worker" }, "slow"));
      await until(() => release.length === 6);
      for (const finish of release) finish();
      expect((await Promise.all(slow)).sort((a, b) => String(a).localeCompare(String(b)))).toEqual(["a", "a", "a", "b", "b", "b"]);
    });

    test("G-53 broadcast asks all and tells what became of each", async ({ place }) => {
      const here = await place();
      const workers = [await worker(here, "a"), await worker(here, "b"), await worker(here, "c")];
      const seeker = await here.join("seeker", { presence });
      await until(() => idsOf(seeker).length === 3);
      const all = await seeker.request({ kind: "worker", strategy: "broadcast" }, work, { n: 1 });
      expect(all.map((each) => each.ok && each.value.by).sort((a, b) => String(a).localeCompare(String(b)))).toEqual(["a", "b", "c"]);
      for (const agent of workers.slice(1)) agent.handle("odd", () => agent.id);
      const odd = await seeker.request({ kind: "worker", strategy: "broadcast" }, "odd");
      expect(odd.filter(({ ok }) => ok)).toHaveLength(2);
      expect(odd.find(({ ok }) => !ok)).toMatchObject({ peer: { id: "a", instance: workers[0]?.instance }, ok: false, error: { code: "no_handler" } });
      const got: string[] = [];
      for (const agent of workers) agent.handle("note", () => void got.push(agent.id));
      const told = await seeker.notify({ kind: "worker", strategy: "broadcast" }, "note", 1, { confirm: "done" });
      expect(told.every(({ ok }) => ok)).toBe(true);
      expect(got.sort()).toEqual(["a", "b", "c"]);
    });

    test("streams go to one of a kind, to the one with fewest of them, or to all", async ({ place }) => {
      const here = await place();
      const workers = [await worker(here, "a"), await worker(here, "b")];
      for (const agent of workers) {
        agent.handle(letters, async function* ({ count }, { signal }) {
          for (let n = 0; n < count; n++) yield `${agent.id}${n}`;
          if (count > 2) await new Promise((resolve) => signal.addEventListener("abort", resolve));
        });
      }
      const seeker = await here.join("seeker", { presence });
      await until(() => idsOf(seeker).length === 2);
      const read = async (chunks: AsyncIterable<string>, most: number): Promise<string[]> => {
        const got: string[] = [];
        for await (const chunk of chunks) if (got.push(chunk) === most) break;
        return got;
      };
      expect(["a0 a1", "b0 b1"]).toContain((await read(seeker.stream({ kind: "worker" }, letters, { count: 2 }), 3)).join(" "));
      const open = [];
      const firsts: string[] = [];
      for (let n = 0; n < 4; n++) {
        const one = seeker.stream({ kind: "worker" }, letters, { count: 3 });
        open.push(one);
        const { value } = await one[Symbol.asyncIterator]().next();
        firsts.push(String(value));
      }
      expect(firsts.sort()).toEqual(["a0", "a0", "b0", "b0"]);
      for (const one of open) one.cancel();
      const all = await seeker.stream({ kind: "worker", strategy: "broadcast" }, letters, { count: 2 });
      const said = await Promise.all(all.map(async ({ peer, stream: each }) => `${peer.id}: ${await read(each, 3)}`));
      expect(said.sort()).toEqual(["a: a0,a1", "b: b0,b1"]);
      expect((await failure(seeker.stream({ kind: "nobody", strategy: "broadcast" }, "letters", {}, { timeout: 50 }))).code).toBe("no_answer");
      expect((await failure(seeker.stream({ kind: "worker", strategy: "broadcast" }, "letters", {}, { source: ["x"] }))).code).toBe("invalid_argument");
      expect((await failure(seeker.stream({ kind: "nobody" }, "letters", {}, { timeout: 50 }).result)).code).toMatch(/timeout|no_answer/);
    });

    test("a request that may run twice goes to another of the kind when its worker leaves; one that may not does not", async ({ place }) => {
      const here = await place();
      const leaving = await worker(here, "leaving");
      const seeker = await here.join("seeker", { presence });
      await until(() => idsOf(seeker).length === 1);
      const begun: unknown[] = [];
      for (const name of ["slow", "once"]) leaving.handle(name, (input) => new Promise(() => begun.push(input)));
      const slow = seeker.request({ kind: "worker" }, "slow", 1, { idempotencyKey: "order-1" });
      const once = failure(seeker.request({ kind: "worker" }, "once", 2));
      await until(() => begun.length === 2);
      const staying = await worker(here, "staying");
      staying.handle("slow", () => "done by staying");
      await until(() => idsOf(seeker).length === 2);
      await leaving.close();
      expect(await slow).toBe("done by staying");
      expect((await once).code).toBe("delivery_unknown");
    });

    test("nobody of a kind is a typed error within the timeout, and a target that is none is refused", async ({ place }) => {
      const here = await place();
      const seeker = await here.join("seeker", { presence });
      const missing = await failure(seeker.request({ kind: "painter" }, "paint", 1, { timeout: 100 }));
      expect(missing.code).toBe("no_answer");
      expect(missing.message).toContain("serve:painter");
      expect((await failure(seeker.request({ kind: "painter", strategy: "broadcast" }, "paint", 1, { timeout: 100 }))).code).toBe("no_answer");
      const controller = new AbortController();
      const waiting = seeker.request({ kind: "painter" }, "paint", 1, { signal: controller.signal });
      controller.abort();
      expect((await failure(waiting)).code).toBe("cancelled");
      const odd: unknown[] = [{ kind: "*" }, { kind: ">" }, { kind: "a..b" }, { kind: "a b\r\n" }, { kind: "" }, { kind: "worker", strategy: "nearest" }];
      for (const target of [...odd, { kind: "worker", id: "bob" }, { kind: 7 }, { kind: ["worker"], strategy: "broadcast" }, null, 7, {}])
        expect((await failure(seeker.request(target as never, "paint", 1))).code).toBe("invalid_argument");
    });

    test("G-52 one that leaves is gone at once, and requests go to the others", async ({ place }) => {
      const here = await place();
      const leaving = await worker(here, "leaving");
      await worker(here, "staying");
      const seeker = await here.join("seeker", { presence });
      await until(() => idsOf(seeker).length === 2);
      const gone: string[] = [];
      seeker.onPeer(({ type, peer }) => void (type === "gone" && gone.push(peer.id)));
      await leaving.close();
      await until(() => gone.length === 1);
      expect(gone).toEqual(["leaving"]);
      expect(idsOf(seeker)).toEqual(["staying"]);
      for (let n = 0; n < 3; n++) expect(await seeker.request({ kind: "worker" }, work, { n })).toEqual({ by: "staying" });
    });

    test("after the medium was cut they still know each other, and newcomers are found", async ({ place }) => {
      const here = await place();
      await worker(here, "old");
      const seeker = await here.join("seeker", { presence });
      await until(() => idsOf(seeker).length === 1);
      await here.cut();
      await until(() => seeker.status().transport === "down");
      await here.restore();
      await worker(here, "new");
      await until(() => idsOf(seeker).length === 2);
      expect(await seeker.request({ kind: "worker" }, work, { n: 1 })).toMatchObject({ by: expect.stringMatching(/old|new/) });
    });

    test("agents of another realm are not met, and one that wants no presence meets nobody", async ({ place }) => {
      const here = await place();
      await worker(here, "acme/worker");
      await worker(here, "worker");
      const events: AgentEvent[] = [];
      const [own, other, none] = [
        await here.join("seeker", { presence }),
        await here.join("acme/seeker", { presence }),
        await here.join("none", { presence: false }),
      ];
      none.onEvent((event) => void events.push(event));
      for (const agent of [own, other, none]) agent.peers();
      await until(() => idsOf(own).length === 1 && idsOf(other).length === 1);
      expect([idsOf(own), idsOf(other), idsOf(none)]).toEqual([["worker"], ["acme/worker"], []]);
      expect(none.status().presence.state).toBe("off");
      await none.request("worker", work, { n: 1 });
      await until(() => idsOf(none).length === 1);
    });
  });
}
