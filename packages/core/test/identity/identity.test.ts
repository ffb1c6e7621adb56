import { describe, expect, it, vi } from "vitest";
import {
  createAuthority,
  createIdentity,
  credential,
  generateKey,
  type Identity,
  type IssueRequest,
  identityFromToken,
  type RenewalEvent,
  signProof,
  verifyProof,
} from "../../src/identity/index.js";
import { readToken } from "../../src/identity/shape.js";
import { createVirtualRuntime } from "../../src/runtime/index.js";
import { agentKey, expectCode, forge, NOW, otherKey, promptKey, SECONDS } from "./fixtures.js";

const hour = 3_600_000;
const minute = 60_000;

/** An authority that can be down, slow or wrong. */
async function setUp(options: { lifetime?: number; seed?: number; timeout?: number } = {}) {
  const runtime = createVirtualRuntime({ seed: options.seed ?? 3 });
  const authority = await createAuthority({ runtime, key: await promptKey(), lifetime: options.lifetime ?? hour });
  const state = { down: false, requests: [] as IssueRequest[] };
  const issue = vi.fn<(request: IssueRequest) => Promise<string>>(async (request) => {
    // An authority in another process gets a copy.
    const { audience, publicJwk } = structuredClone(request);
    state.requests.push(request);
    if (state.down) throw new Error("connection refused");
    return authority.issue({ id: "alice", publicKey: publicJwk, ...(audience === undefined ? {} : { audience }) });
  });
  const identity = createIdentity({ id: "alice", key: agentKey, issue, runtime, ...(options.timeout === undefined ? {} : { timeout: options.timeout }) });
  const events: RenewalEvent[] = [];
  identity.onRenewal((event) => events.push(event));
  return { runtime, authority, state, issue, identity, events, now: () => runtime.clock.wall() };
}

describe("an identity's tokens", () => {
  it("are issued on first use, once for many callers, one per audience", async () => {
    const { identity, issue, state } = await setUp();
    expect(issue).not.toHaveBeenCalled();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => identity.token()));
    expect(new Set(tokens).size).toBe(1);
    const [relay] = await Promise.all([identity.token("https://relay.example"), identity.token("https://relay.example")]);
    expect(relay).not.toBe(tokens[0]);
    expect(readToken(relay).claims.aud).toBe("https://relay.example");
    expect(state.requests).toEqual([{ publicJwk: agentKey.publicJwk }, { audience: "https://relay.example", publicJwk: agentKey.publicJwk }]);
  });

  it("are renewed at two thirds of their lifetime, up to 10 % earlier, by themselves", async () => {
    const times = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      const { identity, runtime, events, issue } = await setUp({ seed });
      const first = await identity.token();
      await runtime.advance(36 * minute - 1);
      expect(issue).toHaveBeenCalledTimes(1);
      while (events.length === 0 && runtime.now < 40 * minute + 1_000) await runtime.advance(minute);
      expect(events).toEqual([{ type: "renewed", audience: undefined, expiresAt: expect.any(Number) }]);
      expect(await identity.token()).not.toBe(first);
      times.add(runtime.now);
    }
    expect(times.size).toBeGreaterThan(2);
  });

  it("serve on while renewals fail, which are events, repeated with backoff, until one succeeds", async () => {
    const { identity, runtime, events, state, issue } = await setUp();
    const first = await identity.token();
    await runtime.advance(35 * minute);
    state.down = true;
    await runtime.advance(20 * minute);
    expect(await identity.token()).toBe(first);
    const failures = events.filter(({ type }) => type === "renewal_failed");
    expect(failures.length).toBeGreaterThan(10);
    expect(failures.length).toBeLessThan(30);
    expect(failures[0]).toMatchObject({ audience: undefined, error: expect.objectContaining({ message: "connection refused" }) });
    state.down = false;
    const before = issue.mock.calls.length;
    await runtime.advance(67_000);
    expect(issue.mock.calls.length).toBe(before + 1);
    expect(events.at(-1)?.type).toBe("renewed");
    expect(await identity.token()).not.toBe(first);
  });

  it("after their end give expired_token with the cause, and recover with the authority", async () => {
    const { identity, runtime, state, issue } = await setUp();
    await identity.token();
    state.down = true;
    await runtime.advance(hour + 1_000);
    const error = await expectCode(identity.token(), "expired_token");
    expect(error.cause).toMatchObject({ message: "connection refused" });
    expect(error.retryable).toBe(true);
    // Many callers are not many requests.
    const before = issue.mock.calls.length;
    for (let i = 0; i < 100; i++) await expectCode(identity.token(), "expired_token");
    expect(issue.mock.calls.length - before).toBeLessThanOrEqual(1);
    state.down = false;
    await runtime.advance(1_000);
    expect(readToken(await identity.token()).claims.sub).toBe("alice");
  });

  it("that never came give what the authority said", async () => {
    const { identity, runtime, state, events, issue } = await setUp();
    state.down = true;
    const error = await expectCode(identity.token(), "issuer_unavailable");
    expect(error.cause).toMatchObject({ message: "connection refused" });
    await expectCode(identity.token(), "issuer_unavailable");
    expect(issue).toHaveBeenCalledTimes(1);
    expect(events).toEqual([]);
    state.down = false;
    await runtime.advance(1_000);
    await identity.token();
  });

  it("renew when asked for, where no timer could fire in time", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const asleep = { ...runtime, timers: { ...runtime.timers, after: () => () => undefined } };
    const authority = await createAuthority({ runtime, key: await promptKey() });
    const identity = createIdentity({
      id: "alice",
      key: agentKey,
      runtime: asleep,
      issue: ({ publicJwk }) => authority.issue({ id: "alice", publicKey: publicJwk }),
    });
    const first = await identity.token();
    await runtime.advance(50 * minute);
    expect(await identity.token()).toBe(first);
    await vi.waitFor(async () => expect(await identity.token()).not.toBe(first));
    await runtime.advance(3 * hour);
    expect(readToken(await identity.token()).claims.exp).toBeGreaterThan(runtime.clock.wall() / 1000);
  });

  it("are not renewed for ever when nobody wants them", async () => {
    const { identity, runtime, issue } = await setUp();
    await identity.token();
    await runtime.advance(26 * hour);
    const count = issue.mock.calls.length;
    await runtime.advance(5 * hour);
    expect(issue.mock.calls.length).toBe(count);
    await identity.token();
    expect(issue.mock.calls.length).toBe(count + 1);
  });

  it("are bounded in number; the peers' token stays", async () => {
    const { identity, issue } = await setUp();
    const peers = await identity.token();
    for (let i = 0; i < 100; i++) await identity.token(`https://relay-${i}.example`);
    expect(await identity.token()).toBe(peers);
    await identity.token("https://relay-99.example");
    expect(issue).toHaveBeenCalledTimes(101);
    await identity.token("https://relay-0.example");
    expect(issue).toHaveBeenCalledTimes(102);
  });

  it("stop renewing after close()", async () => {
    const { identity, runtime, issue, events } = await setUp();
    await identity.token();
    identity.close();
    identity.close();
    await runtime.advance(59 * minute);
    expect(issue).toHaveBeenCalledTimes(1);
    expect(events).toEqual([]);
  });
});

describe("an authority's answer is refused when it is", () => {
  it.each<[string, () => Promise<unknown> | unknown]>([
    ["no token", () => "hello"],
    ["nothing", () => undefined],
    ["an object", () => ({ token: "x" })],
    ["a token of 9 KiB", () => "A".repeat(9 * 1024)],
    ["without exp", () => forge({ claims: { exp: undefined } })],
    ["for another key", () => forge({ claims: { cnf: { jwk: otherKey.publicJwk } } })],
    ["for a key that has only one coordinate in common", () => forge({ claims: { cnf: { jwk: { ...agentKey.publicJwk, y: "A".repeat(43) } } } })],
    ["for its key and another thumbprint", () => forge({ claims: { cnf: { jwk: agentKey.publicJwk, jkt: otherKey.thumbprint } } })],
    ["for another thumbprint", () => forge({ claims: { cnf: { jkt: otherKey.thumbprint } } })],
    ["bound to nothing that is a key", () => forge({ claims: { cnf: { jwk: {} } } })],
  ])("%s", async (_, answer) => {
    const identity = createIdentity({
      id: "alice",
      key: agentKey,
      runtime: createVirtualRuntime({ seed: 1, start: NOW }),
      issue: answer as () => Promise<string>,
    });
    await expectCode(identity.token(), "invalid_token");
  });

  it("expired already: a clock is wrong", async () => {
    const identity = createIdentity({
      id: "alice",
      key: agentKey,
      runtime: createVirtualRuntime({ seed: 1, start: NOW }),
      issue: () => forge({ claims: { exp: SECONDS - 1 } }),
    });
    await expectCode(identity.token(), "expired_token");
  });

  it("never: a call that hangs has failed after the timeout", async () => {
    const runtime = createVirtualRuntime({ seed: 1 });
    const identity = createIdentity({ id: "alice", key: agentKey, runtime, issue: () => new Promise(() => undefined), timeout: 5_000 });
    const waiting = expectCode(identity.token(), "issuer_unavailable");
    await runtime.advance(5_000);
    await waiting;
  });

  it("thrown at once instead of rejected", async () => {
    const issue = (): Promise<string> => {
      throw new Error("sync");
    };
    await expectCode(createIdentity({ id: "alice", key: agentKey, issue }).token(), "issuer_unavailable");
    expect(() => createIdentity({ id: "a b", key: agentKey, issue })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("listeners", () => {
  it("that throw disturb nobody, and can leave", async () => {
    const { identity, runtime, events } = await setUp();
    identity.onRenewal(() => {
      throw new Error("listener");
    });
    const left = vi.fn<() => void>();
    identity.onRenewal(left)();
    const late = vi.fn<() => void>();
    identity.onRenewal(late);
    await identity.token();
    await runtime.advance(45 * minute);
    expect(events).toHaveLength(1);
    expect(late).toHaveBeenCalledOnce();
    expect(left).not.toHaveBeenCalled();
  });
});

describe("rotateKey", () => {
  it("switches key and tokens together, for every audience in use", async () => {
    const { identity, authority, events, now } = await setUp();
    await identity.token();
    await identity.token("https://relay.example");
    const before = await credential(identity);
    const rotation = identity.rotateKey();
    expect(identity.key.thumbprint).toBe(agentKey.thumbprint);
    expect(await identity.token()).toBe(before.token);
    await rotation;
    const after = await credential(identity);
    expect(after.key.thumbprint).not.toBe(agentKey.thumbprint);
    expect((await authority.trust().verify(after.token, { now: now() })).key.thumbprint).toBe(after.key.thumbprint);
    expect((await credential(identity, "https://relay.example")).key.thumbprint).toBe(after.key.thumbprint);
    expect(events.map(({ type }) => type)).toEqual(["renewed", "renewed"]);
    expect(new Set(events.map(({ audience }) => audience))).toEqual(new Set([undefined, "https://relay.example"]));
  });

  it("changes nothing when the authority does not answer", async () => {
    const { identity, state, runtime } = await setUp();
    const before = await credential(identity);
    state.down = true;
    await expectCode(identity.rotateKey(), "issuer_unavailable");
    expect(await credential(identity)).toEqual(before);
    state.down = false;
    await runtime.advance(45 * minute);
    expect((await credential(identity)).key.thumbprint).toBe(agentKey.thumbprint);
  });

  it("takes a given key, one rotation after another, and renews the new tokens only", async () => {
    const { identity, runtime, state } = await setUp();
    await identity.token();
    const given = await generateKey({ alg: "ES256" });
    await Promise.all([identity.rotateKey(otherKey), identity.rotateKey(given)]);
    expect(identity.key.thumbprint).toBe(given.thumbprint);
    state.requests.length = 0;
    await runtime.advance(3 * hour);
    expect(state.requests.length).toBeGreaterThan(2);
    for (const { publicJwk } of state.requests) expect(publicJwk).toEqual(given.publicJwk);
  });
});

describe("credential", () => {
  it("never pairs an old token with a new key", async () => {
    const { identity, authority, now } = await setUp();
    const trust = authority.trust();
    const payload = new Uint8Array([1]);
    let rotating = true;
    const rotations = (async () => {
      for (let i = 0; i < 20; i++) await identity.rotateKey();
      rotating = false;
    })();
    while (rotating) {
      const { key, token } = await credential(identity);
      const verified = await trust.verify(token, { now: now() });
      expect(await verifyProof(verified.key, "tightbeam-pop+jws", payload, await signProof(key, "tightbeam-pop+jws", payload))).toBe(true);
    }
    await rotations;
  });

  it("refuses an identity whose token is not its own, and carries the key where the token only names it", async () => {
    const fixed = (token: string): Identity => ({ id: "alice", key: agentKey, token: async () => token });
    await expectCode(credential(fixed(await forge({ claims: { cnf: { jwk: otherKey.publicJwk } } }))), "invalid_token");
    await expectCode(credential(fixed(await forge({ claims: { cnf: undefined } }))), "invalid_token");
    const { jwk } = await credential(fixed(await forge({ claims: { cnf: { jkt: agentKey.thumbprint } } })));
    expect(JSON.parse(jwk as string)).toEqual(agentKey.publicJwk);
  });
});

describe("identityFromToken", async () => {
  const prompt = await promptKey();
  const runtime = createVirtualRuntime({ seed: 1, start: NOW });

  it("serves one token until it expires", async () => {
    const token = await forge();
    const identity = identityFromToken({ key: agentKey, token, runtime });
    expect(identity.id).toBe("alice");
    expect(await identity.token()).toBe(token);
    await expectCode(identity.token("https://relay.example"), "unsupported");
    await runtime.advance(hour);
    await expectCode(identity.token(), "expired_token");
  });

  it("serves an audience's token for that audience", async () => {
    const token = await forge({ claims: { aud: ["https://relay.example"], exp: SECONDS + 10 * 3600 } });
    expect(await identityFromToken({ key: agentKey, token, runtime }).token("https://relay.example")).toBe(token);
  });

  it("needs an id where sub is none, and a token that is one", async () => {
    const token = await forge({ claims: { sub: "alice@example.com" } });
    expect(() => identityFromToken({ key: agentKey, token })).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(identityFromToken({ key: agentKey, token, id: "acme/alice" }).id).toBe("acme/alice");
    expect(() => identityFromToken({ key: agentKey, token: "x" })).toThrow(expect.objectContaining({ code: "invalid_token" }));
  });

  it("caches and renews what getToken gives", async () => {
    const fresh = createVirtualRuntime({ seed: 1, start: NOW });
    const getToken = vi.fn<(audience?: string) => Promise<string>>((audience) =>
      forge({ key: prompt, claims: { aud: audience, exp: Math.floor(fresh.clock.wall() / 1000) + 3600 } }),
    );
    const identity = identityFromToken({ id: "alice", key: agentKey, getToken, runtime: fresh });
    expect(await identity.token()).toBe(await identity.token());
    await identity.token("relay");
    expect(getToken.mock.calls).toEqual([[undefined], ["relay"]]);
    await fresh.advance(45 * minute);
    expect(getToken).toHaveBeenCalledTimes(4);
  });
});
