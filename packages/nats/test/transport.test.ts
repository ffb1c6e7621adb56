import { connect as connectNew, type NatsConnection as NewConnection } from "@nats-io/transport-node";
import { createVirtualRuntime, type Runtime, systemRuntime } from "@tightbeam/core/runtime";
import { type Address, address, TightbeamError, type Transport } from "@tightbeam/core/transport";
import { connect as connectOld, type NatsConnection as OldConnection } from "nats";
import { describe, expect, it } from "vitest";
import { connectNats, type NatsConnection } from "../src/index.js";
import { startBroker, withNatsServer } from "./broker.js";
import { broker, bytes, changesOf, closeLater, codeOf, connect, errorOf, inbox, listen, mustWork, until } from "./fixture.js";
import { createTee } from "./tee.js";

type Open = (servers: string | string[], user?: string, runtime?: Runtime) => Promise<Transport & { connection?: NatsConnection }>;
const clientOptions = { maxReconnectAttempts: -1, reconnectTimeWait: 20, reconnectJitter: 0 };
const login = (user: string | undefined) => (user === undefined ? {} : { user, pass: "p" });

const ways: readonly (readonly [string, Open])[] = [
  [
    "its own client",
    (servers, user, runtime) => connectNats({ servers, runtime, reconnect: { minMs: 10, maxMs: 50 }, ...(user === undefined ? {} : { user, password: "p" }) }),
  ],
  [
    "@nats-io/transport-node",
    async (servers, user, runtime) =>
      connectNats({ connection: await connectNew({ servers, ...clientOptions, ...login(user) }), closeConnection: true, runtime }),
  ],
  [
    "nats 2.29",
    async (servers, user, runtime) =>
      connectNats({ connection: await connectOld({ servers, ...clientOptions, ...login(user) }), closeConnection: true, runtime }),
  ],
];

const agent = (id: string): Address => address("agent", id);

withNatsServer("nats: the transport", () => {
  describe.each(ways)("permissions, over %s", (_, open) => {
    const config = `authorization: { users: [
      { user: "alice", password: "p", permissions: { publish: ["tightbeam.agent.>", "tightbeam.inbox.alice.>"], subscribe: ["tightbeam.inbox.alice.*", "tightbeam.agent.alice alice"] } }
      { user: "root", password: "p" } ] }`;

    it("a publish that the server refuses later reaches who sent it, and later sends are refused here", async () => {
      const server = await broker(config);
      const alice = closeLater(await open(server.url, "alice"));
      const changes = changesOf(alice);
      const to = inbox("bob");
      await alice.send(to, bytes("x"));
      await until(() => changes.length > 0, "the refusal");
      expect(changes).toEqual([{ type: "send_failed", to, error: expect.objectContaining({ code: "denied" }) }]);
      const later = await errorOf(alice.send(to, bytes("x")));
      expect([later.code, later.message]).toEqual(["denied", expect.stringContaining("tightbeam.inbox.bob.")]);
      expect(alice.state.current).toBe("up");
      await mustWork(alice, inbox("alice"));
      expect(changes).toHaveLength(1);
    });

    it("a subscription that a running server takes away is there again soon after it is allowed again", async () => {
      const server = await broker(config);
      const root = closeLater(await open(server.url, "root"));
      const system = systemRuntime();
      const after: typeof system.timers.after = (ms, run, options) => system.timers.after(options?.background ? ms / 50 : ms, run, options);
      const alice = closeLater(await open(server.url, "alice", { ...system, timers: { ...system.timers, after } }));
      const changes = changesOf(alice);
      const got = await listen(alice, inbox("alice"));
      server.reload(config.replace('"tightbeam.inbox.alice.*", ', ""));
      await until(() => changes.length > 1, "the refusal, told each time");
      expect(changes[0]).toEqual({ type: "send_failed", to: inbox("alice"), error: expect.objectContaining({ code: "denied" }) });
      server.reload(config);
      for (let tries = 0; got.length === 0 && tries < 100; tries += 1) {
        await root.send(inbox("alice"), bytes("heard"));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(got[0]).toBe("heard");
      expect(changes.every(({ type }) => type === "send_failed")).toBe(true);
    });

    it("what was refused is tried again after a reconnect", async () => {
      const server = await broker(config);
      const alice = closeLater(await open(server.url, "alice"));
      const changes = changesOf(alice);
      await alice.send(inbox("bob"), bytes("x"));
      await until(() => changes.length > 0, "the refusal");
      await server.kill();
      await until(() => alice.state.current === "down", "the loss");
      await server.start(config.replace("inbox.alice.>", "inbox.>"));
      await until(() => alice.state.current === "up", "its repair");
      const root = closeLater(await open(server.url, "root"));
      const got = await listen(root, inbox("bob"));
      await alice.send(inbox("bob"), bytes("now"));
      await until(() => got.length > 0, "a frame that is allowed now");
    });

    it("a subscribe that the server refuses rejects, plain or in a group, and leaves the others alone", async () => {
      const server = await broker(config);
      const alice = closeLater(await open(server.url, "alice"));
      const own = await listen(alice, inbox("alice"));
      for (const [at, group] of [[inbox("bob")], [agent("bob"), "bob"], [agent("alice")], [agent("alice"), "bob"]] as const) {
        const refused = await errorOf(alice.subscribe(at, () => undefined, group === undefined ? {} : { group }));
        expect([refused.code, refused.message], `${at} ${group}`).toEqual(["denied", expect.stringContaining(at)]);
      }
      await alice.subscribe(agent("alice"), () => undefined, { group: "alice" });
      await alice.send(inbox("alice"), bytes("still here"));
      await until(() => own.length > 0, "a frame to what was subscribed before");
    });

    it("a subscription that is refused after a reconnect is told as an event, and comes back with the permission", async () => {
      const server = await broker();
      const alice = closeLater(await open(server.url, "alice"));
      const changes = changesOf(alice);
      const got = await listen(alice, inbox("bob"));
      const restart = async (next: string): Promise<void> => {
        await server.kill();
        await until(() => alice.state.current === "down", "the loss");
        await server.start(next);
        await until(() => alice.state.current === "up", "its repair");
      };
      await restart(config);
      await until(() => changes.some(({ type }) => type === "send_failed"), "the refusal");
      expect(changes).toContainEqual({ type: "send_failed", to: inbox("bob"), error: expect.objectContaining({ code: "denied" }) });
      await restart("");
      await alice.send(inbox("bob"), bytes("back"));
      await until(() => got.length > 0, "a frame to the subscription that was refused for a while");
    });
  });

  describe.each(ways)("servers that differ, over %s", (_, open) => {
    it("maxFrameBytes is the server's, and grows when the next one takes more", async () => {
      const server = await broker("max_payload: 65536");
      const alice = closeLater(await open(server.url));
      expect(alice.capabilities.maxFrameBytes).toBe(65_536);
      expect(await codeOf(alice.send(agent("b"), new Uint8Array(65_537)))).toBe("too_large");
      await server.kill();
      await until(() => alice.state.current === "down", "the loss");
      expect(alice.capabilities.maxFrameBytes).toBe(65_536);
      await server.start("max_payload: 262144");
      await until(() => alice.state.current === "up", "its repair");
      expect(alice.capabilities.maxFrameBytes).toBe(262_144);
      const sizes: number[] = [];
      await alice.subscribe(agent("b"), (frame) => void sizes.push(frame.byteLength));
      await alice.send(agent("b"), new Uint8Array(262_144));
      await until(() => sizes.length > 0, "a frame that the first server would not have taken");
      expect(sizes).toEqual([262_144]);
    });

    it("a max_payload under 21 KiB, or no headers, is refused with what to do", async () => {
      for (const [config, advice] of [
        ["max_payload: 20480", "max_payload"],
        ["no_header_support: true", "no_header_support"],
      ] as const) {
        const server = await broker(config);
        const refused = await errorOf(open(server.url));
        expect([refused.code, refused.message]).toEqual(["unsupported", expect.stringContaining(advice)]);
      }
    });

    it("so is one that is met after a reconnect: the transport ends with the reason", async () => {
      const server = await broker();
      const alice = closeLater(await open(server.url));
      await server.kill();
      await server.start("max_payload: 1024");
      expect(await alice.closed).toMatchObject({ code: "unsupported", message: expect.stringContaining("1024") });
      expect(await codeOf(alice.send(agent("b"), bytes("x")))).toBe("closed");
    });
  });

  describe.each(ways)("losses, over %s", (_, open) => {
    it("a server that disconnects a slow consumer: down with that reason, and up again", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const alice = closeLater(await open(tee.url));
      const changes = changesOf(alice);
      tee.inject("-ERR 'Slow Consumer'\r\n");
      await new Promise((resolve) => setTimeout(resolve, 50));
      tee.cut();
      await until(() => changes.some(({ type }) => type === "up"), "the repair");
      expect(changes[0]).toMatchObject({ type: "down", cause: { code: "unavailable" } });
      // 2.29 tells no more of an error than its kind.
      if (_ !== "nats 2.29") expect(changes[0]).toMatchObject({ cause: { message: expect.stringContaining("slow consumer") } });
      await mustWork(alice);
    });

    it("one that does not read is disconnected by a real server, goes down and comes up again", { timeout: 60_000 }, async () => {
      const server = await broker("max_payload: 65536\nmax_pending: 65536");
      const tee = closeLater(await createTee(server.port));
      const alice = closeLater(await open(tee.url));
      const bob = closeLater(await connect(server));
      await alice.subscribe(agent("alice"), () => undefined);
      const changes = changesOf(alice);
      tee.pause();
      const frame = new Uint8Array(60_000);
      // As much as sockets take in between, and more than the server keeps for one client.
      for (let i = 0; i < 1_000; i += 1) await bob.send(agent("alice"), frame);
      expect(bob.state.current).toBe("up");
      tee.resume();
      await until(() => changes.some(({ type }) => type === "up"), "the repair");
      expect(changes.find(({ type }) => type === "down")).toMatchObject({ cause: { code: "unavailable" } });
      await mustWork(alice);
    });

    it("who waits for room is rejected when the connection goes, and memory is bounded before", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const alice = closeLater(await open(tee.url));
      tee.pause();
      const frame = new Uint8Array(64 * 1024);
      let accepted = 0;
      const waiting: Promise<string>[] = [];
      while (waiting.length < 3) {
        const sent = alice.send(agent("nobody"), frame);
        const settled = await Promise.race([sent.then(() => true), new Promise<false>((resolve) => setTimeout(resolve, 20, false))]);
        if (settled) accepted += frame.byteLength;
        else waiting.push(codeOf(sent));
      }
      expect(accepted).toBeGreaterThan(256 * 1024);
      expect(accepted).toBeLessThanOrEqual(1024 * 1024);
      tee.cut();
      expect(await Promise.all(waiting)).toEqual(["unavailable", "unavailable", "unavailable"]);
    });

    it("sends that nobody awaits are refused before they fill the memory", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const alice = closeLater(await open(tee.url));
      tee.pause();
      const frame = new Uint8Array(1024 * 1024);
      const codes: Promise<string>[] = [];
      for (let i = 0; i < 70; i += 1)
        codes.push(
          alice.send(agent("nobody"), frame).then(
            () => "sent",
            (error: { code: string }) => error.code,
          ),
        );
      expect(await codes.at(-1)).toBe("unavailable");
      tee.cut();
      await Promise.all(codes);
    });

    it("close() while the server is silent settles", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const alice = await open(tee.url);
      await alice.subscribe(agent("alice"), () => undefined);
      tee.pause();
      const started = performance.now();
      await alice.close();
      expect(performance.now() - started).toBeLessThan(5_000);
      expect(await alice.closed).toBeUndefined();
    });

    it("close() that races the loss of the connection settles", async () => {
      for (let round = 0; round < 5; round += 1) {
        const server = await startBroker();
        const alice = await open(server.url);
        await alice.subscribe(agent("alice"), () => undefined);
        const killed = server.kill();
        await alice.close();
        await killed;
        expect(await alice.closed).toBeUndefined();
        await server.close();
      }
    });

    it("close() has sent what was accepted", async () => {
      const server = await broker();
      const bob = closeLater(await open(server.url));
      const got = await listen(bob, agent("bob"));
      const alice = await open(server.url);
      for (let i = 0; i < 100; i += 1) await alice.send(agent("bob"), bytes(String(i)));
      await alice.close();
      await until(() => got.length === 100, "all frames");
    });
  });

  describe.each([
    ["@nats-io/transport-node", connectNew],
    ["nats 2.29", connectOld],
  ] as const)("a connection of %s that is passed in", (_, openClient) => {
    const open = async (url: string, more = {}): Promise<NewConnection | OldConnection> =>
      closeLater(await openClient({ servers: url, ...clientOptions, ...more }));

    it("is as it is, or as an option", async () => {
      const server = await broker();
      const connection = await open(server.url);
      await mustWork(closeLater(await connectNats(connection)));
      await mustWork(closeLater(await connectNats({ connection, prefix: "acme" })));
    });

    it("stays open, without our subscriptions, unless we are asked to close it", async () => {
      const server = await broker();
      const tee = closeLater(await createTee(server.port));
      const connection = await open(tee.url);
      const transport = await connectNats(connection);
      const got = await listen(transport, agent("a"));
      await transport.close();
      expect(connection.isClosed()).toBe(false);
      connection.publish("tightbeam.agent.a", bytes("x"));
      await connection.flush();
      expect(got).toEqual([]);
      expect(tee.commands().filter((command) => command.startsWith("UNSUB"))).toHaveLength(1);
      const owned = await connectNats({ connection, closeConnection: true });
      await owned.close();
      expect(connection.isClosed()).toBe(true);
    });

    it("carries two transports with different prefixes that do not hear each other", async () => {
      const server = await broker();
      const connection = await open(server.url);
      const [one, two] = [closeLater(await connectNats({ connection, prefix: "one" })), closeLater(await connectNats({ connection, prefix: "two" }))];
      const [atOne, atTwo] = [await listen(one, agent("a")), await listen(two, agent("a"))];
      await one.send(agent("a"), bytes("for one"));
      await until(() => atOne.length > 0, "the frame");
      await two.close();
      await one.send(agent("a"), bytes("for one again"));
      await until(() => atOne.length > 1, "the second frame");
      expect(atTwo).toEqual([]);
    });

    it("that its owner closes ends the transport and says so", async () => {
      const server = await broker();
      const connection = await open(server.url);
      const transport = await connectNats(connection);
      await connection.close();
      expect(await transport.closed).toMatchObject({ code: "closed" });
      expect(transport.state.current).toBe("down");
    });

    it("that gives up reconnecting ends the transport with the reason", async () => {
      const server = await broker();
      const transport = await connectNats(await open(server.url, { maxReconnectAttempts: 1 }));
      await server.kill();
      // Its one attempt found nobody there, or the end of the server, which took the connection and cut it.
      const why = /^The connection to .+ has ended: (nobody listens there|the connection was reset)/;
      expect(await transport.closed).toMatchObject({ code: "unavailable", message: expect.stringMatching(why) });
    });

    it("that its owner drains while the server is gone does not keep close() from settling", async () => {
      const server = await broker();
      const connection = await open(server.url);
      const transport = await connectNats({ connection, closeConnection: true });
      await transport.subscribe(agent("a"), () => undefined);
      await server.kill();
      connection.drain().catch(() => undefined);
      await transport.close();
      expect(await transport.closed).toSatisfy((cause) => cause === undefined || cause instanceof TightbeamError);
      expect(transport.state.current).toBe("down");
    });

    it("whose flush() and close() never settle does not keep ours from it", async () => {
      const server = await broker();
      const connection = await open(server.url);
      const never = new Promise<never>(() => undefined);
      let stuck = false;
      const hanging = new Proxy(connection, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (stuck && (name === "flush" || name === "close" || name === "drain")) return () => never;
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const runtime = createVirtualRuntime({ seed: 1 });
      const transport = await connectNats({ connection: hanging, closeConnection: true, runtime });
      stuck = true;
      const closed = transport.close();
      expect(await transport.closed).toBeUndefined();
      // The bound of each of the two.
      for (let step = 0; step < 2; step += 1) await runtime.advance(2_000);
      await closed;
    });

    it("that is closed, or is none, is refused", async () => {
      const server = await broker();
      const connection = await open(server.url);
      await connection.close();
      expect(await codeOf(connectNats(connection))).toBe("invalid_argument");
      expect(await codeOf(connectNats({ connection: {} as NatsConnection }))).toBe("invalid_argument");
    });

    it("that is disconnected now is refused as unavailable", async () => {
      const server = await broker();
      const connection = await open(server.url);
      await server.kill();
      await until(() => connection.info === undefined, "the client's noticing");
      expect(await codeOf(connectNats(connection))).toBe("unavailable");
    });
  });

  it("a small frame is handed over in the turn that read it, and large ones wait for each other", async () => {
    const server = await broker();
    const runtime = systemRuntime();
    let turns = 0;
    const turn = (run: () => void) => {
      turns += 1;
      runtime.timers.turn(run);
    };
    const transport = await connect(server, { runtime: { ...runtime, timers: { ...runtime.timers, turn } } });
    const got = await listen(transport, inbox("a"));
    for (let i = 0; i < 10; i++) await transport.send(inbox("a"), bytes(String(i)));
    await until(() => got.length === 10, "all ten");
    expect([got.join(""), turns]).toEqual(["0123456789", 0]);
    await transport.send(inbox("a"), new Uint8Array(4 * 1024));
    await until(() => got.length === 11, "the large one");
    expect(turns).toBe(1);
  });

  it("what cannot be connected to says why", async () => {
    const server = await broker();
    await server.kill();
    const error = await errorOf(connect(server));
    expect([error.code, error.message]).toEqual(["unavailable", expect.stringContaining(server.host)]);
    expect(await codeOf(connectNats({ servers: "nats://no-such-host.invalid" }))).toBe("unavailable");
  });
});
