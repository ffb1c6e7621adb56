import type { SuiteId } from "./types.js";

/** A suite id names the whole construction; nothing is mixed and matched (docs/protocol.md, section 3). */
export interface Suite {
  readonly id: SuiteId;
  /** The Noise protocol name, hashed into the transcript. */
  readonly protocol: string;
  readonly hybrid: boolean;
  /** Message 1 carries no payload, so its size is exact. */
  readonly message1Bytes: number;
}

export const hybridSuite: SuiteId = 0x0101;
export const classicalSuite: SuiteId = 0x0001;

const known: readonly Suite[] = [
  { id: hybridSuite, protocol: "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256", hybrid: true, message1Bytes: 32 + 1184 },
  { id: classicalSuite, protocol: "Noise_XX_25519_ChaChaPoly_SHA256", hybrid: false, message1Bytes: 32 },
];

export const suiteOf = (id: number): Suite | undefined => known.find((suite) => suite.id === id);

/** The first of `own` that the other side listed. The chooser's preference decides, never the asker's. */
export const chooseSuite = (own: readonly SuiteId[], offered: readonly number[]): SuiteId | undefined => own.find((id) => offered.includes(id));
