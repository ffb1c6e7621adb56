import { expect, it, vi } from "vitest";
import { onDemand } from "../src/on-demand.js";

it("loads once, when it is first needed", async () => {
  const load = vi.fn(async () => ({ answer: 42 }));
  const part = onDemand(load);
  expect(load).not.toHaveBeenCalled();
  expect(await Promise.all([part(), part()])).toEqual([{ answer: 42 }, { answer: 42 }]);
  expect(await part()).toBe(await part());
  expect(load).toHaveBeenCalledTimes(1);
});

it("says why a part is missing, and tries again", async () => {
  const load = vi.fn<() => Promise<number>>().mockRejectedValueOnce(new TypeError("Failed to fetch")).mockResolvedValue(1);
  const part = onDemand(load);
  await expect(part()).rejects.toMatchObject({ code: "unavailable", retryable: true, cause: { message: "Failed to fetch" } });
  expect(await part()).toBe(1);
});
