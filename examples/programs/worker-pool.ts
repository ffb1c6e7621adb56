import { method } from "@tightbeam/core";
import { z } from "zod";
import { createChecks, type Example } from "./example.js";

const resize = method("resize", { input: z.object({ image: z.int() }), output: z.object({ image: z.int(), by: z.string() }), idempotent: true });

export const workerPool: Example = {
  name: "worker-pool",
  about: "Workers of one kind find their caller and share its work by load; one that claims a kind its token does not permit gets none.",
  async run(place, { line }) {
    const { faults, check } = createChecks();
    const done = new Map<string, number>();
    const presence = { every: 200 };
    const caller = await place.join("caller", [], { presence });

    const work = async (name: string, ms: number, permissions: readonly string[]) => {
      let busy = 0;
      const worker = await place.join(name, permissions, { kinds: ["resizer"], load: () => busy, presence });
      worker.handle(resize, async ({ image }) => {
        busy++;
        await new Promise((resolve) => setTimeout(resolve, ms));
        busy--;
        done.set(name, (done.get(name) ?? 0) + 1);
        return { image, by: name };
      });
      return worker;
    };
    await work("fast", 2, ["serve:resizer"]);
    await work("steady", 4, ["serve:resizer"]);
    await work("slow", 40, ["serve:resizer"]);
    await work("impostor", 1, []);
    await until(() => caller.peers({ kind: "resizer" }).length === 3);
    line(
      `  peers of kind resizer: ${caller
        .peers({ kind: "resizer" })
        .map(({ id }) => id)
        .sort()
        .join(", ")}`,
    );

    const images = Array.from({ length: 600 }, (_, image) => image);
    let next = 0;
    const results: { image: number; by: string }[] = [];
    const hand = async (): Promise<void> => {
      for (let image = images[next++]; image !== undefined; image = images[next++]) {
        results.push(await caller.request({ kind: "resizer", strategy: "least-loaded" }, resize, { image }));
      }
    };
    await Promise.all(Array.from({ length: 24 }, hand));
    line(`  600 images, 24 at a time: ${[...done].map(([name, count]) => `${name} ${count}`).join(", ")}`);
    check(new Set(results.map(({ image }) => image)).size === 600, "every image should be resized once");
    check((done.get("fast") ?? 0) > (done.get("slow") ?? 0), "the fast one should do more than the slow one");
    check(!done.has("impostor"), "who may not serve the kind should get no work");

    const everyone = await caller.request({ kind: "resizer", strategy: "broadcast" }, resize, { image: 1 });
    line(`  a broadcast: ${everyone.map(({ peer, ok }) => `${peer.id} ${ok ? "ok" : "failed"}`).join(", ")}`);
    check(everyone.length === 3 && everyone.every(({ ok }) => ok), "all three should answer the broadcast");
    return faults;
  },
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
