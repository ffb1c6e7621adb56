import { topic } from "@tightbeam/core";
import { z } from "zod";
import { createChecks, type Example } from "./example.js";

const reading = z.object({ celsius: z.number(), at: z.int() });
const kitchen = topic("house.kitchen.temperature", reading);
const cellar = topic("house.cellar.temperature", reading);

export const topics: Example = {
  name: "topics",
  about: "A thermometer publishes, others subscribe: by name, by pattern, with a filter, and late.",
  async run(place, { line }) {
    const { faults, check } = createChecks();
    const presence = { every: 200 };
    const thermometer = await place.join("thermometer", ["publish:house.kitchen.temperature", "publish:house.cellar.temperature"], {
      policy: "token",
      presence,
    });
    const cook = await place.join("cook", ["subscribe:house.kitchen.temperature"], { policy: "token", presence });
    const owner = await place.join("owner", ["subscribe:*"], { policy: "token", presence });
    const inKitchen: number[] = [];
    const everywhere: string[] = [];
    const hot: number[] = [];

    thermometer.publishes(kitchen, { retain: 10 });
    const ofCook = await cook.subscribe(kitchen, ({ celsius }) => void inKitchen.push(celsius));
    const ofOwner = await owner.subscribe("house.*.temperature", (_, event) => void everywhere.push(event.topic));
    const ofHeat = await owner.subscribe(kitchen, ({ celsius }) => void hot.push(celsius), {
      filter: ({ celsius }) => celsius >= 90,
    });
    await Promise.all([ofCook.ready(1), ofOwner.ready(1), ofHeat.ready(1)]);
    line(`  subscribers of the kitchen: ${thermometer.subscribers(kitchen).length}, of the cellar: ${thermometer.subscribers(cellar).length}`);

    for (let n = 0; n < 100; n++) {
      await thermometer.publish(kitchen, { celsius: n, at: n });
      if (n % 2 === 0) await thermometer.publish(cellar, { celsius: 12, at: n });
    }
    await until(() => inKitchen.length >= 100 && everywhere.length >= 150 && hot.length >= 10);
    line(`  100 readings of the kitchen, 50 of the cellar: the cook got ${inKitchen.length}, the owner ${everywhere.length}, of them hot ${hot.length}`);
    check(inKitchen.every((celsius, n) => celsius === n) && inKitchen.length === 100, "the cook should get every reading of the kitchen, in order");
    check(everywhere.length === 150, "the owner should get both rooms");
    check(hot.join() === "90,91,92,93,94,95,96,97,98,99", "the filter should let the hot ones through");

    const late: number[] = [];
    const guest = await place.join("guest", ["subscribe:house.kitchen.temperature"], { policy: "token", presence });
    await guest.subscribe(kitchen, ({ celsius }) => void late.push(celsius), { replay: 3 });
    await until(() => late.length >= 3);
    line(`  who comes late asks for the last 3: ${late.join(", ")}`);
    check(late.join() === "97,98,99", "a late subscriber should get the last three");

    await ofCook.unsubscribe();
    await thermometer.publish(kitchen, { celsius: 100, at: 100 });
    await until(() => hot.length === 11);
    check(inKitchen.length === 100, "nothing should come after unsubscribing");
    return faults;
  },
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
