import { TransportError } from "@tightbeam/core/transport";

const unreachable: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there, so start the relay or check the port",
  ENOTFOUND: "the host name does not resolve",
  EAI_AGAIN: "the host name does not resolve now",
  EHOSTUNREACH: "there is no route to the host",
  ENETUNREACH: "there is no route to the network",
  ETIMEDOUT: "the host did not answer",
  ECONNRESET: "the connection was reset before it was open",
  EPIPE: "the connection was closed before it was open",
};

/** OpenSSL's names for what is wrong with a certificate, as far as they do not begin with ERR_TLS or ERR_SSL. */
const certificate = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|EPROTO$|ERR_TLS|ERR_SSL)/;

/** OpenSSL's word, in each of its versions, for an answer that is not TLS at all. */
const noTls = /wrong.version.number/i;

/** What went wrong before the WebSocket was open, from the error of `ws` or of the socket under it. */
export function connectError(error: Error & { code?: string }, url: URL): TransportError {
  const { code = "" } = error;
  const at = `${url.protocol}//${url.host}`;
  const known = unreachable[code] ?? unreachable[innerCode(error)];
  if (known !== undefined) return new TransportError("unavailable", `Could not connect to ${at}: ${known}.`, { cause: error });
  if (noTls.test(`${code} ${error.message}`))
    return new TransportError("failed", `${at} speaks no TLS: dial it with ws:// in place of wss://, or another port.`, { cause: error });
  if (certificate.test(code))
    return new TransportError("failed", `TLS with ${at} failed: ${code}: ${error.message}. Give the issuing CA as tls.ca, or fix the certificate.`, {
      cause: error,
    });
  if (/timed out/.test(error.message)) return new TransportError("unavailable", `${at} did not finish the WebSocket handshake in time.`, { cause: error });
  if (/hang up/.test(error.message)) return new TransportError("unavailable", `${at} closed the connection during the WebSocket handshake.`, { cause: error });
  return new TransportError("failed", `${at}${url.pathname} is not a Tightbeam relay: ${error.message}.`, { cause: error });
}

/** Node tries every address of a name and gathers the failures. */
function innerCode(error: Error): string {
  const [first] = (error as { errors?: { code?: string }[] }).errors ?? [];
  return first?.code ?? "";
}

/** The server answered the upgrade with plain HTTP. */
export function answerError(status: number, url: URL): TransportError {
  const at = `${url.protocol}//${url.host}${url.pathname}`;
  if (status === 429 || status === 503) return new TransportError("unavailable", `${at} has no room now (HTTP ${status}); try again.`);
  if (status === 401 || status === 403)
    return new TransportError("denied", `${at} refused the connection (HTTP ${status}): its Host or Origin is not on the server's list.`);
  return new TransportError("failed", `${at} answered HTTP ${status}: there is no Tightbeam relay at this address. Check host, port and path.`);
}
