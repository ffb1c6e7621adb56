import { TightbeamError } from "../errors.js";
import { type Pattern, patternFor, patternNames } from "./patterns.js";

export interface Protocol {
  readonly name: string;
  readonly pattern: Pattern;
  readonly cipher: "ChaChaPoly" | "AESGCM";
  readonly hash: "SHA256" | "BLAKE2s";
  /** Whether the pattern has `e1` and `ekem1`: ML-KEM-768 beside the DH. */
  readonly hybrid: boolean;
}

const unsupported = (what: string, value: string, known: string): TightbeamError =>
  new TightbeamError("unsupported", `Noise ${what} ${JSON.stringify(value.slice(0, 64))} is not supported; there is ${known}`);

/** Noise rev 34, section 8: `Noise_<pattern and modifiers>_<dh>_<cipher>_<hash>`; the hybrid's DH section is `25519+MLKEM768`. */
export function parseProtocolName(name: string): Protocol {
  if (typeof name !== "string") throw new TightbeamError("invalid_argument", "a Noise protocol name is a string");
  const parts = name.split("_");
  const [prefix, handshake, dh, cipher, hash] = parts;
  // Section 8: names are at most 255 bytes.
  if (
    name.length > 255 ||
    parts.length !== 5 ||
    prefix !== "Noise" ||
    handshake === undefined ||
    dh === undefined ||
    cipher === undefined ||
    hash === undefined
  ) {
    throw new TightbeamError("invalid_argument", `a Noise protocol name looks like Noise_XX_25519_ChaChaPoly_SHA256, not ${JSON.stringify(name.slice(0, 64))}`);
  }
  const match = /^([A-Z][A-Z1]{0,3})((?:hfs)?)((?:psk[0-9](?:\+psk[0-9])*)?)$/.exec(handshake);
  const [, base = "", hfs = "", psks = ""] = match ?? [];
  const hybrid = hfs !== "";
  const pattern = match === null ? undefined : patternFor(base, hybrid, psks === "" ? [] : psks.split("+").map((modifier) => Number(modifier.slice(3))));
  if (pattern === undefined) throw unsupported("pattern", handshake, `${patternNames.join(" ")} with psk modifiers in ascending order, and XXhfs`);
  const wantedDh = hybrid ? "25519+MLKEM768" : "25519";
  if (dh !== wantedDh) throw unsupported("DH", dh, `${wantedDh} for ${handshake}`);
  if (cipher !== "ChaChaPoly" && cipher !== "AESGCM") throw unsupported("cipher", cipher, "ChaChaPoly and AESGCM");
  if (hash !== "SHA256" && hash !== "BLAKE2s") throw unsupported("hash", hash, "SHA256 and BLAKE2s");
  return { name, pattern, cipher, hash, hybrid };
}
