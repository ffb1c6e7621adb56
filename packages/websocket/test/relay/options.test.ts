import { createAuthority } from "@tightbeam/core";
import { expect, it } from "vitest";
import { createRelay, type RelayOptions } from "../../src/relay/index.js";

const authority = await createAuthority();
const trust = authority.trust();

it.each<[what: string, options: object, says: string]>([
  ["no trust", { trust: undefined }, "`trust` says whose tokens count"],
  ["an authority in place of its trust", { trust: authority }, "`trust` says whose tokens count"],
  ["a misspelt option", { polices: () => true }, "createRelay has no option 'polices'"],
  ["a policy that is none", { policy: "token" }, "`policy` is a function"],
])("a relay is refused with %s", async (_, options, says) => {
  const made = createRelay({ port: 0, trust, ...options } as RelayOptions);
  await expect(made.finally(() => made.then((relay) => relay.close()).catch(() => {}))).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining(says),
  });
});

it("a relay is refused without options", async () => {
  await expect(createRelay(undefined as never)).rejects.toMatchObject({ code: "invalid_argument" });
});
