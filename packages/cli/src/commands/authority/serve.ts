import { access } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { resolve } from "node:path";
import { createAuthority, exportKey, generateKey, type SigningKey, type TokenEvent } from "@tightbeam/core/identity";
import { tokenListener } from "@tightbeam/websocket/relay";
import { usageError } from "../../command-error.js";
import { writeSecretFile } from "../../files.js";
import { readKey } from "../../identity.js";
import type { Invocation } from "../../invocation.js";
import type { Io } from "../../io.js";
import { listening } from "../../listening.js";
import { oneLine } from "../../printable.js";
import { ended } from "../../until.js";
import { enrolment, readCredentials } from "./credentials.js";

export interface AuthorityOptions {
  readonly key: string;
  readonly enrol?: readonly string[];
  readonly permission?: readonly string[];
  readonly credentials?: string;
  readonly port: number;
  readonly host: string;
  readonly url?: string;
  readonly issuer?: string;
  readonly lifetime?: number;
}

const loopback = /^(?:127\.\d+\.\d+\.\d+|localhost|::1)$/;

/** Until somebody ends it. */
export async function serve(invocation: Invocation, options: AuthorityOptions): Promise<void> {
  const { io, output, later, runtime, signal } = invocation;
  const { enrol = [], permission = [], credentials: file, port, host, lifetime } = options;
  if (options.url === undefined && !loopback.test(host))
    throw usageError(
      `With --host ${host} agents come from elsewhere, and the URL they dial is not known.`,
      "Give --url https://…/token: proofs are checked against it. TLS is for a proxy in front.",
    );
  const credentials = [
    ...(await Promise.all(enrol.map((each) => enrolment(io, each, permission)))),
    ...(file === undefined ? [] : await readCredentials(io, file)),
  ];
  if (credentials.length === 0)
    throw usageError("Nobody could get a token.", "Give --enrol <id>=<file> (`tightbeam keygen --secret --out <file>` makes one) or --credentials.");
  const { key, made } = await persistentKey(io, options.key);
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000, maxHeaderSize: 16 * 1024 });
  later(() => close(server));
  const bound = await listening(server, port, host);
  const url = options.url ?? `http://${host === "::1" ? "[::1]" : host}:${bound}/token`;
  if (!URL.canParse(url)) throw usageError("--url is no URL.", "It looks like https://agents.example/token.");

  const tell = (event: TokenEvent) => {
    // The first half of every exchange: here is a nonce, ask again with it.
    if (event.type === "refused" && event.error === "use_dpop_nonce") return;
    const at = new Date(runtime.clock.wall()).toISOString();
    if (event.type === "issued") {
      const { id, audience, permissions, expiresAt, thumbprint, credential } = event;
      return output.offer(
        {
          type: "issued",
          at,
          id,
          credential,
          audience: audience ?? null,
          permissions,
          thumbprint,
          jti: event.jti,
          expiresAt: new Date(expiresAt).toISOString(),
          source: event.source ?? null,
        },
        ({ green, dim }) =>
          `${dim(at)} ${green("issued")} ${id}${audience === undefined ? "" : ` for ${oneLine(audience)}`}; key ${thumbprint}; by ${oneLine(credential)}`,
      );
    }
    const { status, error, reason, id, credential, source } = event;
    return output.offer(
      { type: "refused", at, status, error, reason, id: id ?? null, credential: credential ?? null, source: source ?? null },
      ({ yellow, dim }) =>
        `${dim(at)} ${yellow("refused")} ${id === undefined ? "" : `${oneLine(id)} `}(${error}): ${oneLine(reason)}${source === undefined ? "" : `; from ${source}`}`,
    );
  };

  const issuer = options.issuer ?? new URL(url).origin;
  const authority = await createAuthority({ issuer, key, runtime, ...(lifetime === undefined ? {} : { lifetime }) });
  const endpoint = await authority.accept({ url, credentials, allowInsecure: true, onEvent: tell });
  server.on("request", tokenListener(endpoint));
  if (made) output.note(`A new signing key is in ${options.key}, mode 600. Keep it: tokens count only while it is the same.`);
  await output.item(
    { type: "listening", url: endpoint.url, jwks: endpoint.jwksUrl, issuer, thumbprint: key.thumbprint, port: bound },
    ({ bold }) => `authority listening on ${bold(endpoint.url)}; its keys are at ${endpoint.jwksUrl}, its issuer is ${issuer}`,
  );
  await ended(signal);
}

/** The one in the file; made there, for its owner alone, when there is no such file. */
async function persistentKey(io: Io, file: string): Promise<{ readonly key: SigningKey; readonly made: boolean }> {
  const there = await access(resolve(io.cwd, file)).then(
    () => true,
    () => false,
  );
  if (there) return { key: await readKey(io, { file }, "the authority's key"), made: false };
  const key = await generateKey({ extractable: true });
  await writeSecretFile(io, file, `${JSON.stringify(await exportKey(key))}\n`);
  return { key, made: true };
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
