import type { VerifiedToken } from "@tightbeam/core/identity";
import type { Runtime } from "@tightbeam/core/transport";
import { encodeChallenge, encodeFrame, frameType, type Login, loginMaxBytes, noBytes, nonceBytes, parseFrame, parseLogin } from "../protocol.js";
import type { Reason } from "../reasons.js";
import { checkLogin, type LoginCheck } from "./login.js";
import type { Socket } from "./socket.js";

export interface Admission {
  readonly token: VerifiedToken;
  readonly instance: string;
  /** This socket's nonce, which renewals are bound to as well. */
  readonly nonce: Uint8Array;
}

export interface GuestOptions {
  readonly socket: Socket;
  readonly runtime: Runtime;
  readonly check: LoginCheck;
  readonly loginMs: number;
  /** Exactly one of these is called, once; `refused` gets undefined when the socket went by itself. */
  readonly admitted: (admission: Admission) => void;
  readonly refused: (reason: Reason | undefined) => void;
}

/** WebSocket pings and pongs while a login is being judged, which may wait for an issuer: each is answered, and its answer kept for who does not read. */
const pingsMax = 16;

/** A socket before its login: it may send one LOGIN within the time, and nothing else. */
export function receiveGuest({ socket, runtime, check, loginMs, admitted, refused }: GuestOptions): void {
  const nonce = runtime.random.bytes(nonceBytes);
  let over = false;
  let asked = false;
  let pings = 0;

  const finish = (reason: Reason | undefined) => {
    if (over) return;
    over = true;
    cancel();
    if (reason !== undefined) socket.end(reason);
    refused(reason);
  };
  const cancel = runtime.timers.after(loginMs, () => finish("login_timeout"), { background: true });
  const decide = async (login: Login) => {
    const result = await checkLogin(login, nonce, check);
    if (over) return;
    if ("refused" in result) return finish(result.refused);
    over = true;
    cancel();
    admitted({ token: result.token, instance: login.instance, nonce });
  };

  socket.events = {
    message(bytes) {
      if (over) return;
      const login = asked ? undefined : readLogin(bytes);
      if (login === undefined || typeof login === "string") return finish(login ?? "unexpected");
      asked = true;
      decide(login).catch(() => finish("invalid_token"));
    },
    text: () => finish("frame_kind"),
    control: () => {
      if (!asked) finish("unexpected");
      else if (++pings > pingsMax) finish("rate_limited");
    },
    closed: () => finish(undefined),
  };
  socket.allow(loginMaxBytes);
  socket.send(encodeFrame(frameType.challenge, 0, noBytes, encodeChallenge(nonce)));
}

function readLogin(bytes: Uint8Array): Login | Reason {
  try {
    const frame = parseFrame(bytes);
    return frame.type === frameType.login ? parseLogin(frame.body) : "unexpected";
  } catch {
    return "malformed";
  }
}
