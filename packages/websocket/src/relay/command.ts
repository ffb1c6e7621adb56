import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type JwkSet, type Trust, trust } from "@tightbeam/core/identity";
import { TightbeamError } from "@tightbeam/core/transport";
import type { RelayMonitoring } from "./monitoring.js";
import { isLoopback } from "./origins.js";
import { createRelay, type Relay } from "./relay.js";

/** Never an argument: every user of the machine can read those. */
const tokenVariable = "TIGHTBEAM_MONITORING_TOKEN";

export const usage = `Usage: tightbeam-websocket relay --jwks <file or https URL> --issuer <issuer> [options]

Forwards ciphertext between agents whose tokens verify. Keeps nothing: stop it and start it as you like.

  --jwks <file|url>     the issuer's public keys (JWK Set); http: only for loopback
  --issuer <text>       exactly the "iss" of its tokens
  --port <number>       default 8787; 0 for any free port
  --host <address>      default 127.0.0.1; anything else needs --origin
  --origin <origin>     public origin that clients dial, such as wss://relay.example; repeat for several
  --page <origin>       web origin whose pages may connect, such as https://app.example; repeat for several
  --path <path>         default /
  --max-frame <bytes>   largest frame, default 262144
  --help                this text

  --monitoring-port <number>      GET /metrics, /health and /ready here, plain HTTP; 0 for any free port. Default: none
  --monitoring-host <address>     default 127.0.0.1; anything else needs a token
  --monitoring-token-file <file>  who asks shows what is in it (Authorization: Bearer); or ${tokenVariable} in the environment

SIGTERM and SIGINT end it cleanly.
Exit codes: 0 ended on request, 1 could not start, 2 wrong options.
`;

const options = {
  jwks: { type: "string" },
  issuer: { type: "string" },
  port: { type: "string" },
  host: { type: "string" },
  origin: { type: "string", multiple: true },
  page: { type: "string", multiple: true },
  path: { type: "string" },
  "max-frame": { type: "string" },
  "monitoring-port": { type: "string" },
  "monitoring-host": { type: "string" },
  "monitoring-token-file": { type: "string" },
  help: { type: "boolean" },
} as const;

/** What the arguments ask for: the text of the help, or a relay that runs. Throws `invalid_argument` for wrong options, otherwise what `createRelay` throws. */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<{ readonly help: string } | { readonly relay: Relay }> {
  const { values, positionals } = parse(args);
  if (values.help === true) return { help: usage };
  const [command, ...more] = positionals;
  if (command !== "relay" || more.length > 0) {
    throw wrong(command === undefined ? "A command is missing: relay." : `'${[command, ...more].join(" ")}' is no command; there is one: relay.`);
  }
  const { jwks, issuer, host = "127.0.0.1", origin, page, path } = values;
  if (jwks === undefined || issuer === undefined) throw wrong("Whose tokens count? Give --jwks and --issuer.");
  if (origin === undefined && !isLoopback(host)) throw wrong(`With --host ${host} clients come from elsewhere: give --origin, the public origin they dial.`);
  const port = whole("--port", values.port ?? "8787", 0, 65_535);
  const maxFrameBytes = values["max-frame"];
  const monitoring = await monitoringFrom(values, environment[tokenVariable]);
  const relay = await createRelay({
    port,
    host,
    trust: await trustFrom(jwks, issuer),
    ...(origin === undefined ? {} : { origins: origin }),
    ...(page === undefined ? {} : { pages: page }),
    ...(path === undefined ? {} : { path }),
    ...(maxFrameBytes === undefined ? {} : { limits: { maxFrameBytes: whole("--max-frame", maxFrameBytes, 21 * 1024, 64 * 1024 * 1024) } }),
    ...(monitoring === undefined ? {} : { monitoring }),
  });
  return { relay };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw wrong(`${error instanceof Error ? (error.message.split(". ")[0] as string) : "The options cannot be read"}.`);
  }
}

async function trustFrom(jwks: string, issuer: string): Promise<Trust> {
  if (/^https?:\/\//.test(jwks)) return trust.jwksUrl(jwks, { issuer, allowInsecure: isLoopback(new URL(jwks).hostname) });
  let set: JwkSet;
  try {
    set = JSON.parse(await readFile(jwks, "utf8")) as JwkSet;
  } catch (cause) {
    throw wrong(
      `--jwks: ${cause instanceof SyntaxError ? "the file is not JSON" : `the file cannot be read (${(cause as { code?: string }).code ?? "failed"})`}: ${jwks}`,
    );
  }
  return trust.jwks(set, { issuer });
}

async function monitoringFrom(values: ReturnType<typeof parse>["values"], fromEnvironment: string | undefined): Promise<RelayMonitoring | undefined> {
  const { "monitoring-port": port, "monitoring-host": host, "monitoring-token-file": file } = values;
  if (port === undefined) {
    if (host === undefined && file === undefined) return undefined;
    throw wrong("What is monitored needs a place: give --monitoring-port.");
  }
  const token = file === undefined ? fromEnvironment : await readToken(file);
  return {
    port: whole("--monitoring-port", port, 0, 65_535),
    ...(host === undefined ? {} : { host }),
    ...(token === undefined || token === "" ? {} : { token }),
  };
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: { code?: string }) => {
    throw wrong(`--monitoring-token-file: the file cannot be read (${cause.code ?? "failed"}): ${file}`);
  });
  const token = text.trim();
  if (token === "") throw wrong(`--monitoring-token-file: the file is empty: ${file}`);
  return token;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw wrong(`${name} is a whole number from ${least} to ${most}.`);
  return value;
}

const wrong = (message: string): TightbeamError => new TightbeamError("invalid_argument", message);
