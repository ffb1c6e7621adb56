import type { Token } from "../noise/patterns.js";
import type { Protocol } from "../noise/protocol-name.js";
import type { SuiteId } from "./types.js";

/** A suite id names the whole construction; nothing is mixed and matched (docs/protocol.md, section 3). */
export interface Suite {
  readonly id: SuiteId;
  /** The Noise protocol name, hashed into the transcript. */
  readonly protocol: string;
  readonly hybrid: boolean;
  /** What the name stands for, so that no other pattern has to be at hand. */
  readonly noise: Protocol;
  /** Message 1 carries no payload, so its size is exact. */
  readonly message1Bytes: number;
}

export const hybridSuite: SuiteId = 0x0101;
export const classicalSuite: SuiteId = 0x0001;

function suite(id: SuiteId, name: string, message1Bytes: number, messages: readonly (readonly Token[])[]): Suite {
  const hybrid = id === hybridSuite;
  const pattern = { initiatorKnown: false, responderKnown: false, messages, oneWay: false, psks: 0 };
  return { id, protocol: name, hybrid, noise: { name, pattern, cipher: "ChaChaPoly", hash: "SHA256", hybrid }, message1Bytes };
}

const known: readonly Suite[] = [
  suite(hybridSuite, "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256", 32 + 1184, [
    ["e", "e1"],
    ["e", "ee", "ekem1", "s", "es"],
    ["s", "se"],
  ]),
  suite(classicalSuite, "Noise_XX_25519_ChaChaPoly_SHA256", 32, [["e"], ["e", "ee", "s", "es"], ["s", "se"]]),
];

export const suiteOf = (id: number): Suite | undefined => known.find((suite) => suite.id === id);

/** The first of `own` that the other side listed. The chooser's preference decides, never the asker's. */
export const chooseSuite = (own: readonly SuiteId[], offered: readonly number[]): SuiteId | undefined => own.find((id) => offered.includes(id));
