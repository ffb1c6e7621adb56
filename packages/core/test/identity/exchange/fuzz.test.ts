import fc from "fast-check";
import { expect, it } from "vitest";
import { signDpop } from "../../../src/identity/index.js";
import { agentKey } from "../fixtures.js";
import { exchange, jwtType, setUp, URL_ } from "./fixture.js";

const statuses = new Set([400, 413]);

it("TM-140 any other text than what was signed is refused, with a status that was foreseen", async () => {
  const endpoint = await setUp({ endpoint: { limits: { perMinute: 1_000_000 } } });
  const credential = await endpoint.credential();
  const base64 = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é,");
  await fc.assert(
    fc.asyncProperty(fc.constantFrom("credential", "proof"), fc.nat(), base64, fc.boolean(), async (part, where, character, insert) => {
      const proof = await signDpop(agentKey, { url: URL_, accessToken: credential, runtime: endpoint.runtime });
      const text = part === "proof" ? proof : credential;
      const at = where % text.length;
      const changed = text.slice(0, at) + character + text.slice(insert ? at : at + 1);
      if (changed === text) return;
      // What no header can hold never arrives.
      if (part === "proof" && (/[\n\0é]/.test(changed) || changed.trim() === text)) return;
      const answered = await endpoint.ask(part === "proof" ? { credential, proof: changed } : { credential: changed, proof });
      expect(answered.status).toBe(400);
      expect(["invalid_grant", "invalid_dpop_proof"]).toContain(answered.body.error);
    }),
    { numRuns: 300, seed: 20 },
  );
  expect((await endpoint.ask({ credential })).status).toBe(200);
});

it("any form is answered", async () => {
  const endpoint = await setUp({ endpoint: { limits: { perMinute: 1_000_000 } } });
  const names = fc.constantFrom("grant_type", "subject_token", "subject_token_type", "audience", "scope", "__proto__", "constructor", "");
  const values = fc.oneof(fc.constantFrom(exchange, jwtType, "a.b.c", "__proto__"), fc.string({ unit: "binary", maxLength: 50 }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(names, values), { maxLength: 6 }), async (fields) => {
      const { status } = await endpoint.ask({ body: new URLSearchParams(fields).toString() });
      expect(statuses).toContain(status);
    }),
    { numRuns: 300, seed: 21 },
  );
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect((await endpoint.ask()).status).toBe(200);
});
