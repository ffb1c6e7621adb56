import type { VerifiedToken } from "@tightbeam/core/identity";
import type { Address, AddressTable, Runtime } from "@tightbeam/core/transport";
import { createLiveness } from "../liveness.js";
import { asciiBytes, encodeError, encodeFrame, encodeWelcome, type Frame, frameType, headerBytes, noBytes, parseFrame, parseLogin } from "../protocol.js";
import { type Reason, reasonCode, reasonHint } from "../reasons.js";
import { createBudget } from "./budget.js";
import type { CopiesByAgent } from "./copies.js";
import type { RelayCounters } from "./counters.js";
import { createForward } from "./forward.js";
import type { Admission } from "./guest.js";
import type { Lease } from "./lease.js";
import type { RelayLimits } from "./limits.js";
import { checkLogin, type LoginCheck, reasonFor } from "./login.js";
import { createOutbox } from "./outbox.js";
import { createSendRules, type RelayAgent, type RelayPolicy } from "./policy.js";
import type { Occupant, Registry } from "./registry.js";
import type { Socket } from "./socket.js";
import { createSubscriptions } from "./subscriptions.js";

/** A token counts for this long after its expiry, as everywhere in Tightbeam. */
const graceMs = 60_000;
const controlWindowMs = 10_000;

export interface Session extends Occupant {
  readonly subscriptions: number;
  readonly buffered: number;
  /** Twice in each heartbeat interval. */
  beat(): void;
  /** Ends the session when its token has expired or its receiver stalled for too long. `bound`: what may wait for this socket now. */
  look(now: number, bound: number): void;
  /** Asks `trust` whether the token still counts. Never rejects. */
  recheck(now: number): Promise<void>;
}

export interface SessionContext {
  readonly runtime: Runtime;
  readonly limits: RelayLimits;
  readonly table: AddressTable;
  readonly registry: Registry;
  readonly policy: RelayPolicy | undefined;
  readonly check: LoginCheck;
  readonly counters: RelayCounters;
  readonly lease: Lease;
  readonly copies: CopiesByAgent;
  /** Once, at the end, however it came. */
  readonly left: (session: Session, reason: Reason | undefined) => void;
}

/** A socket after its login. Undefined when the instance is taken by another key; the socket is ended then. */
export function createSession(socket: Socket, admission: Admission, context: SessionContext): Session | undefined {
  const { runtime, limits, registry, policy, counters, lease } = context;
  const { instance, nonce } = admission;
  const { id } = admission.token;
  const outbox = createOutbox(socket, limits, runtime.clock, counters, lease);
  const control = createBudget(runtime.clock, (limits.controlPerSecond * controlWindowMs) / 1_000, controlWindowMs);
  let token: VerifiedToken = admission.token;
  let agent: RelayAgent = { id, instance, permissions: token.permissions };
  let renewing = false;
  let over = false;
  const rules = createSendRules(policy, () => agent);

  const leave = (reason: Reason | undefined) => {
    if (over) return;
    over = true;
    subscriptions.clear();
    registry.leave(id, instance, self);
    context.left(self, reason);
  };
  const end = (reason: Reason) => {
    if (over) return;
    leave(reason);
    socket.end(reason);
  };
  const offend = (reason: Reason) => {
    counters.protocolErrors += 1;
    end(reason);
  };
  /** Answers wait behind frames; who asks and never reads the answers is a slow consumer too. */
  const answer = (frame: Uint8Array) => {
    if (socket.buffered > limits.outgoingBytes) end("slow_consumer");
    else socket.send(frame);
  };
  const refuse = (request: number, address: Address | "", reason: Reason) =>
    answer(encodeFrame(frameType.err, request, address === "" ? noBytes : asciiBytes(address), encodeError(reasonCode(reason), reasonHint(reason))));
  const welcome = (request: number) => {
    const { maxFrameBytes, subscriptionsPerSocket, heartbeatMs } = limits;
    const authorisedMs = Math.max(0, token.expiresAt + graceMs - runtime.clock.wall());
    answer(
      encodeFrame(frameType.welcome, request, noBytes, encodeWelcome({ maxFrameBytes, subscriptionsMax: subscriptionsPerSocket, heartbeatMs, authorisedMs })),
    );
  };

  const liveness = createLiveness(
    () => socket.send(encodeFrame(frameType.ping, 0, noBytes, noBytes)),
    () => {
      leave(undefined);
      socket.destroy();
    },
  );

  const subscriptions = createSubscriptions({ ...context, agent: () => agent, outbox, answer, refuse, offend });
  const forward = createForward({
    ...context,
    copies: context.copies.of(id),
    socket,
    rules,
    refuse: (to, reason) => refuse(0, to, reason),
    malformed: () => offend("malformed"),
  });

  const renew = async ({ request, body }: Frame) => {
    const login = parseLogin(body);
    if (renewing || login.instance !== instance) return offend("unexpected");
    renewing = true;
    const result = await checkLogin(login, nonce, context.check);
    renewing = false;
    if (over) return;
    if ("refused" in result) return refuse(request, "", result.refused);
    if (result.token.id !== id) return refuse(request, "", "invalid_token");
    token = result.token;
    agent = { id, instance, permissions: token.permissions };
    counters.renewals += 1;
    rules.forget();
    subscriptions.recheck();
    welcome(request);
  };

  const handle = (frame: Frame) => {
    switch (frame.type) {
      case frameType.sub:
        return subscriptions.add(frame);
      case frameType.unsub:
        return subscriptions.remove(frame.request);
      case frameType.renew:
        return void renew(frame).catch(() => offend("malformed"));
      case frameType.ping:
        return answer(encodeFrame(frameType.pong, frame.request, noBytes, noBytes));
      case frameType.pong:
        return;
      default:
        return offend("unexpected");
    }
  };

  const self: Session = {
    get thumbprint() {
      return token.key.thumbprint;
    },
    get subscriptions() {
      return subscriptions.size;
    },
    get buffered() {
      return socket.buffered;
    },
    end,
    beat: () => liveness.tick(),
    look(now, bound) {
      if (now >= token.expiresAt + graceMs) end("expired_token");
      else if (outbox.stalled(bound)) end("slow_consumer");
    },
    async recheck(now) {
      const checked = token;
      try {
        await context.check.trust.recheck(checked, { now });
        rules.forget();
      } catch (error) {
        const reason = reasonFor(error);
        // An issuer that cannot be reached proves nothing against this token, which runs out by itself.
        if (token === checked && reason !== "issuer_unavailable") end(reason);
      }
    },
  };

  const refused = registry.claim(id, instance, self);
  if (refused !== undefined) {
    socket.end(refused);
    return undefined;
  }
  socket.events = {
    message(bytes) {
      if (over) return;
      liveness.heard = true;
      if (bytes[0] === frameType.send) return forward(bytes);
      if (control.take() > 0) return end("rate_limited");
      const frame = tryParse(bytes);
      if (frame === undefined) return offend("malformed");
      try {
        handle(frame);
      } catch {
        offend("malformed");
      }
    },
    text: () => offend("frame_kind"),
    control() {
      liveness.heard = true;
      if (!over && control.take() > 0) end("rate_limited");
    },
    closed: () => leave(undefined),
  };
  socket.allow(headerBytes + limits.maxFrameBytes + addressRoom);
  welcome(0);
  return self;
}

/** Room for the address, and so much more that a frame a little too large is refused by name instead of ending the socket. */
const addressRoom = 4 * 1024;

function tryParse(bytes: Uint8Array): Frame | undefined {
  try {
    return parseFrame(bytes);
  } catch {
    return undefined;
  }
}
