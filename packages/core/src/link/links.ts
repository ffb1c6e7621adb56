import { crypto } from "../crypto/index.js";
import { TightbeamError } from "../errors.js";
import { frameType, sessionIdOf } from "../frame/frame.js";
import * as frameTypes from "../frame/frame-types.js";
import * as limits from "../limits.js";
import { createHandshakes } from "../secure/handshakes.js";
import type { Established, Peer } from "../secure/types.js";
import { type Address, agentAddress, inboxAddress } from "../transport/address.js";
import type { Unsubscribe } from "../transport/transport.js";
import { createMemoryBudget } from "./budget.js";
import { createCellBuffer } from "./cells.js";
import { type Agreement, createContinuation, type LinkRecord } from "./continuation.js";
import { createLink } from "./link.js";
import type { LinkEnd, LinkOptions } from "./link-types.js";
import type { Links, LinksOptions } from "./links-types.js";
import { startRechecks } from "./rechecks.js";
import { createRoutes } from "./routes.js";
import type { LinkSession } from "./sessions.js";
import { createShares } from "./share.js";

interface SessionEntry {
  readonly link: LinkEnd;
  readonly live: LinkSession;
}

const farewellMs = 1_000;

/** Subscribes and starts answering. Rejects with a TransportError when the transport refuses the addresses. */
export async function createLinks(options: LinksOptions): Promise<Links> {
  const { runtime, transport, identity, instance } = options;
  const records = new Map<string, LinkRecord>();
  const sessions = new Map<number, SessionEntry>();
  const budget = createMemoryBudget(options.memoryBudgetBytes);
  const shares = createShares(budget);
  const scratch = createCellBuffer(limits.recordTargetBytes);
  const addresses = { agent: agentAddress(identity.id), inbox: inboxAddress(identity.id, instance) };
  let leaving = false;
  let closed = false;

  const continuation = createContinuation({
    sha256: crypto().sha256,
    random: runtime.random,
    instance,
    records,
    endLink: (link, error) => link.end(error),
  });
  const agreements = new WeakMap<Peer, Agreement>();

  const linkOptions: Omit<LinkOptions, "budget"> = {
    runtime,
    transport,
    own: options.announced,
    ownInstance: instance,
    scratch,
    goneAfterMs: options.goneAfterMs,
    taps: options.taps,
    onDelivery: options.onDelivery,
    onState(link, state) {
      if (state === "up") routes.arrived(link);
      options.onEvent({ type: "link", link, state });
    },
    onSessionEnded({ session: { localId } }) {
      const entry = sessions.get(localId);
      if (entry === undefined) return;
      sessions.delete(localId);
      shares.change(entry.link.peer.id, 0, -1);
    },
    onEnded(link, error, undelivered) {
      const { inbox } = link.peer;
      if (records.get(inbox)?.link === link) records.delete(inbox);
      routes.remove(link);
      shares.change(link.peer.id, -1, 0);
      options.onEvent({ type: "link_ended", link, error, undelivered });
    },
    onRenew: (link) => void routes.renew(link).catch(() => undefined),
  };

  const begin = (peer: Peer): LinkEnd => {
    const link = createLink({ ...linkOptions, budget: shares.change(peer.id, 1, 0).budget }, peer);
    routes.add(link);
    return link;
  };

  const attach = (established: Established, { record, generation, peerNext }: Agreement): LinkEnd => {
    if (closed) throw new TightbeamError("closed", "The agent is closed.");
    // A record of a handshake may have outlived its link.
    const known = record.link?.state === "ended" ? undefined : record.link;
    const link = known ?? begin(established.peer);
    record.link = link;
    const { localId } = established.session;
    const live = link.attach(established, generation, peerNext);
    // What came in one record with READY may have ended it already.
    if (link.state === "ended") return link;
    sessions.set(localId, { link, live });
    shares.change(link.peer.id, 0, 1);
    options.taps.link?.attached(link, live, known === undefined);
    if (known === undefined) {
      // When the peer dialled as well, both wait for their own dial: who went on before could end the link under the other's handshake.
      if (established.role === "initiator") routes.arrived(link);
      options.onEvent({ type: "link", link, state: link.state });
    }
    return link;
  };

  const handshakes = createHandshakes({
    runtime,
    identity,
    trust: options.trust,
    instance,
    suites: options.suites,
    limits: options.announced,
    addresses,
    send: (to, frame) => transport.send(to, frame),
    deliver: (frame) => receive(addresses.inbox, frame),
    isSessionIdTaken: (id) => sessions.has(id),
    onEvent: options.onEvent,
    onRefused: (reason, peer) => options.taps.link?.refused(reason, peer),
    link: {
      offer: (peer, h) => continuation.offer(peer, h),
      accept(peer, offered, h, finalHash) {
        if (leaving || closed || sessions.size >= limits.sessions) throw new TightbeamError("overloaded", "This agent takes no more sessions.");
        if (shares.sessionsOf(peer.id) >= limits.sessionsPerAgent)
          throw new TightbeamError("overloaded", `${peer.id} has its share of this agent's sessions: ${limits.sessionsPerAgent}.`);
        const { continued, link, agreement } = continuation.accept(peer, offered, h, finalHash);
        agreements.set(peer, agreement);
        return { continued, link };
      },
      established(established) {
        const agreement = agreements.get(established.peer);
        if (agreement !== undefined) attach(established, agreement);
      },
    },
  });

  const receive = (at: Address, frame: Uint8Array): void => {
    if (frameType(frame) === frameTypes.data) {
      const entry = sessions.get(sessionIdOf(frame));
      if (entry !== undefined) return entry.link.receive(entry.live, frame);
    }
    handshakes.receive(at, frame);
  };

  const routes = createRoutes({
    runtime,
    withInstance: (id, wanted) => records.get(inboxAddress(id, wanted))?.link,
    ask: (id, times, found) => handshakes.ask(agentAddress(id), times, found),
    async dial(to, dialOptions) {
      const established = await handshakes.dial(to, dialOptions);
      try {
        return attach(established, continuation.conclude(established.peer, established.link, established.continued, established.session.hash));
      } catch (error) {
        established.session.end();
        throw error;
      }
    },
  });

  const stopListening = transport.state.subscribe((change) => {
    if (change.type === "up" || change.type === "down") for (const link of routes.all()) link.transportChanged(change.type);
  });

  const unsubscribes: Unsubscribe[] = [];
  try {
    unsubscribes.push(await transport.subscribe(addresses.inbox, (frame) => receive(addresses.inbox, frame)));
    unsubscribes.push(
      await transport.subscribe(addresses.agent, (frame) => receive(addresses.agent, frame), transport.capabilities.groups ? { group: identity.id } : {}),
    );
  } catch (error) {
    stopListening();
    handshakes.close();
    for (const unsubscribe of unsubscribes) await unsubscribe();
    throw error;
  }

  const stopRechecks = startRechecks({ runtime, trust: options.trust, links: routes.all });
  const end = (error: TightbeamError): void => {
    closed = true;
    handshakes.close();
    for (const link of routes.all()) link.end(error);
    stopListening();
    stopRechecks();
  };
  void transport.closed.then((cause) => end(new TightbeamError("closed", "The transport has ended for good.", { cause })));

  return {
    connect: (target, connectOptions) => {
      if (leaving || closed) return Promise.reject(new TightbeamError("closed", "The agent is closed."));
      return routes.connect(target, connectOptions);
    },
    find: routes.find,
    choose: routes.choose,
    list: routes.all,
    seek: routes.seek,
    leaveGroup: async () =>
      unsubscribes
        .splice(1)[0]?.()
        .catch(() => undefined),
    handshakes: handshakes.counters,
    budget,
    async close() {
      if (closed) return;
      // Who came in from here on would not be told that we go.
      leaving = true;
      const told = routes.all();
      for (const link of told) link.close();
      // The peers' answers are one round trip away; those that stay silent find out by our silence.
      let cancel: (() => void) | undefined;
      const limit = new Promise((resolve) => (cancel = runtime.timers.after(farewellMs, () => resolve(undefined))));
      await Promise.race([Promise.all(told.map((link) => link.farewell())), limit]);
      cancel?.();
      end(new TightbeamError("closed", "The agent was closed."));
      for (const unsubscribe of unsubscribes) await unsubscribe().catch(() => undefined);
    },
  };
}
