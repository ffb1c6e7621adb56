import { type Credential, credential, type Identity, signProof } from "@tightbeam/core/identity";
import { isTightbeamError, type Runtime, TransportError } from "@tightbeam/core/transport";
import { loginPayload } from "./login.js";
import {
  encodeFrame,
  encodeLogin,
  type Frame,
  frameType,
  headerBytes,
  noBytes,
  nonceBytes,
  parseChallenge,
  parseFrame,
  parseWelcome,
  subprotocol,
  version,
  type Welcome,
} from "./protocol.js";
import { reasonOfClose, refusal } from "./reasons.js";
import type { OpenWire, TlsOptions, Wire } from "./wire/wire.js";

export interface DialOptions {
  readonly url: URL;
  readonly identity: Identity;
  readonly instance: string;
  readonly runtime: Runtime;
  readonly open: OpenWire;
  readonly subprotocols: readonly string[];
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
  readonly tls: TlsOptions | undefined;
}

/** A socket the relay has let in. */
export interface Line {
  readonly wire: Wire;
  readonly welcome: Welcome;
  /** The token of the last login or renewal. */
  token: string;
  /** The body of a RENEW with this credential. */
  renewal(credential: Credential): Promise<Uint8Array>;
}

export interface LineEvents {
  frame(frame: Frame): void;
  /** Once, at the end of a line that was returned. */
  ended(cause: TransportError): void;
}

/** One attempt: socket, challenge, login. Rejects with a TransportError. */
export async function dial(options: DialOptions, events: LineEvents): Promise<Line> {
  const { url, identity, instance, runtime, timeoutMs } = options;
  const { origin } = url;
  const first = await relayCredential(identity, origin);
  const mail = createMailbox(options);
  const wire = await options.open(
    {
      url,
      subprotocols: [subprotocol, ...options.subprotocols],
      maxMessageBytes: options.maxMessageBytes + headerBytes,
      timeoutMs,
      timers: runtime.timers,
      tls: options.tls,
    },
    mail,
  );
  const cancel = runtime.timers.after(timeoutMs, () =>
    mail.fail(new TransportError("unavailable", `${origin} did not finish the login within ${timeoutMs} ms.`)),
  );
  try {
    const challenge = parseChallenge((await mail.next(frameType.challenge)).body);
    if (challenge.version !== version)
      throw new TransportError("failed", `The relay at ${origin} speaks version ${challenge.version}, this side version ${version}; update the older one.`);
    const body = async ({ key, token, jwk = "" }: Credential): Promise<Uint8Array> => {
      const nonce = runtime.random.bytes(nonceBytes);
      const proof = await signProof(key, "tightbeam-relay+jws", await loginPayload(origin, challenge.nonce, nonce, token));
      return encodeLogin({ nonce, instance, origin, token, jwk, proof });
    };
    wire.send(encodeFrame(frameType.login, 0, noBytes, await body(first)));
    const welcome = parseWelcome((await mail.next(frameType.welcome)).body);
    mail.live(wire, events);
    return { wire, welcome, token: first.token, renewal: body };
  } catch (error) {
    wire.destroy();
    throw error instanceof TransportError ? error : notRelay(url, error);
  } finally {
    cancel();
  }
}

/** Throws `unavailable` when a token may come later, `denied` when not. */
export async function relayCredential(identity: Identity, origin: string): Promise<Credential> {
  try {
    return await credential(identity, origin);
  } catch (cause) {
    const later = isTightbeamError(cause) && cause.retryable;
    throw new TransportError(
      later ? "unavailable" : "denied",
      `There is no token for the relay ${origin}: ${cause instanceof Error ? cause.message : "the identity failed"}`,
      { cause },
    );
  }
}

const notRelay = (url: URL, cause?: unknown): TransportError =>
  new TransportError("failed", `What answers at ${url.origin}${url.pathname} is not a Tightbeam relay of this version.`, { cause });

/** During the login frames are awaited one by one; afterwards they go to whoever took the line over. */
function createMailbox({ url }: DialOptions) {
  const early: Frame[] = [];
  let failure: TransportError | undefined;
  let waiting: { resolve(frame: Frame): void; reject(error: TransportError): void } | undefined;
  let taken: LineEvents | undefined;
  let wire: Wire | undefined;

  const fail = (error: TransportError) => {
    if (failure !== undefined) return;
    failure = error;
    waiting?.reject(error);
    waiting = undefined;
    if (taken === undefined) return;
    wire?.destroy();
    taken.ended(error);
  };
  const take = (frame: Frame) => {
    if (taken !== undefined) taken.frame(frame);
    else if (waiting !== undefined) {
      waiting.resolve(frame);
      waiting = undefined;
    } else if (early.length < 2) early.push(frame);
    else fail(notRelay(url));
  };
  return {
    message(bytes: Uint8Array) {
      if (failure !== undefined) return;
      try {
        take(parseFrame(bytes));
      } catch (cause) {
        fail(notRelay(url, cause));
      }
    },
    text: () => fail(notRelay(url)),
    ended(code: number, text: string) {
      const reason = reasonOfClose(code);
      if (reason !== undefined) fail(refusal(reason, `The relay at ${url.origin} ended the connection`));
      else
        fail(
          new TransportError(
            "unavailable",
            `The connection to the relay at ${url.origin} ended (${code}${/^[\x20-\x7e]{1,123}$/.test(text) ? `, ${text}` : ""}).`,
          ),
        );
    },
    fail,
    async next(type: Frame["type"]): Promise<Frame> {
      const frame =
        early.shift() ??
        (await new Promise<Frame>((resolve, reject) => {
          if (failure !== undefined) reject(failure);
          else waiting = { resolve, reject };
        }));
      if (frame.type !== type) throw notRelay(url);
      return frame;
    },
    live(open: Wire, events: LineEvents) {
      if (failure !== undefined) throw failure;
      wire = open;
      taken = events;
      for (const frame of early.splice(0)) events.frame(frame);
    },
  };
}
