import { TightbeamError } from "../errors.js";
import { onDemand } from "../on-demand.js";
import type { Clock } from "../runtime/runtime.js";
import { systemRuntime } from "../runtime/system.js";
import { chachaPolyPasses, sha256Passes, x25519Passes } from "./known-answers.js";
import { loadNobleAesGcm, loadNobleBlake2s, loadNobleX25519, nobleChachaPoly, nobleSha256 } from "./noble.js";
import { mixedAead, nativeProvider } from "./platform.js";
import type { Aead, CryptoProvider, DiffieHellman, Hash } from "./provider.js";
import type { MixedAead } from "./threshold.js";

/** Primitives that may have to be loaded before use, where the runtime has no native ones. */
export type Loadable = "aesGcm" | "blake2s" | "x25519";

/** The implementations without native code, as functions so that a test can hand in wrong ones. */
export interface ScriptSource {
  readonly chachaPoly: Aead;
  readonly sha256: Hash;
  readonly aesGcm: () => Promise<Aead>;
  readonly blake2s: () => Promise<Hash>;
  readonly x25519: () => Promise<DiffieHellman>;
}

export interface CryptoSelection {
  readonly provider: CryptoProvider & { readonly chachaPoly: Aead | MixedAead };
  /** Makes these primitives of `provider` usable. A no-op for native ones. */
  load(...names: readonly Loadable[]): Promise<CryptoProvider>;
}

const nobleSource: ScriptSource = {
  chachaPoly: nobleChachaPoly,
  sha256: nobleSha256,
  aesGcm: loadNobleAesGcm,
  blake2s: loadNobleBlake2s,
  x25519: loadNobleX25519,
};

const noiseAnswers = onDemand(() => import("./noise-answers.js"));

function checked<T>(name: string, primitive: T, passes: (primitive: T) => boolean): T {
  if (!passes(primitive)) throw new TightbeamError("internal", `${name} gives wrong known answers in this runtime: nothing is safe here`);
  return primitive;
}

/** `native` (checked by `nativeProvider`) where it exists, otherwise noble where it gives the known answers, otherwise refused. */
export function selectCrypto(native: Partial<CryptoProvider>, script: ScriptSource, clock: Clock): CryptoSelection {
  let { aesGcm, blake2s, x25519 } = native;

  let scriptChacha: Aead | undefined;
  const checkedScript = (): Aead => {
    scriptChacha ??= checked("chachaPoly", script.chachaPoly, chachaPolyPasses);
    return scriptChacha;
  };
  const sha256 = native.sha256 ?? checked("sha256", script.sha256, sha256Passes);
  const chachaPoly = native.chachaPoly === undefined ? checkedScript() : mixedAead(native.chachaPoly, checkedScript, clock);
  const missing = (name: Loadable): never => {
    throw new TightbeamError("invalid_argument", `${name} is not loaded: await loadCrypto("${name}") first`);
  };

  const provider = Object.freeze({
    name: native.name ?? "noble",
    chachaPoly,
    sha256,
    get aesGcm() {
      return aesGcm ?? missing("aesGcm");
    },
    get blake2s() {
      return blake2s ?? missing("blake2s");
    },
    get x25519() {
      return x25519 ?? missing("x25519");
    },
  });

  return {
    provider,
    async load(...names) {
      if (names.includes("x25519")) x25519 ??= checked("x25519", await script.x25519(), x25519Passes);
      if (names.includes("aesGcm")) aesGcm ??= checked("aesGcm", await script.aesGcm(), (await noiseAnswers()).aesGcmPasses);
      if (names.includes("blake2s")) blake2s ??= checked("blake2s", await script.blake2s(), (await noiseAnswers()).blake2sPasses);
      return provider;
    },
  };
}

let selection: CryptoSelection | undefined;
const selected = (): CryptoSelection => {
  selection ??= selectCrypto(nativeProvider(), nobleSource, systemRuntime().clock);
  return selection;
};

/** The primitives of this process. ChaCha20-Poly1305 and SHA-256 always work; for the others `loadCrypto` must have run once (in Node it finds nothing to load). */
export const crypto = (): CryptoProvider => selected().provider;

/** `crypto()`, after making sure that these primitives are there too. */
export const loadCrypto = (...names: readonly Loadable[]): Promise<CryptoProvider> => selected().load(...names);

/** The plaintext size from which ChaCha20-Poly1305 is native: 0 always, undefined when not decided yet or never. For benchmarks. */
export function aeadThreshold(): number | undefined {
  const aead = selected().provider.chachaPoly;
  return "threshold" in aead ? aead.threshold : undefined;
}
