import {
  type Contract,
  type ContractDescription,
  type ContractMember,
  type DescribeOptions,
  describe,
  describeMember,
  type MemberDescription,
} from "../../contract/index.js";
import { checkKnown, type WithDefaults } from "../../known-options.js";
import * as protocol from "../../protocol.js";
import type { Rate } from "../../resilience/token-bucket.js";

/** What an agent serves: a document for people, catalogues and code generators. `JSON.stringify` writes it. */
export interface AgentDescription {
  readonly agent: string;
  /** Version of the protocol. */
  readonly protocol: number;
  readonly contracts: readonly ContractDescription[];
  /** What is answered beside the contracts, by name. */
  readonly methods: Readonly<Record<string, MemberDescription>>;
  /** How much one peer may ask; absent where there is no such limit. */
  readonly rate?: WithDefaults<Rate>;
}

export interface Described {
  readonly id: string;
  readonly contracts: readonly Contract[];
  readonly members: readonly ContractMember[];
  readonly rate: WithDefaults<Rate> | undefined;
}

export function describeAgent({ id, contracts, members, rate }: Described, options: DescribeOptions = {}): AgentDescription {
  checkKnown("describe()", options, ["convert"]);
  const inContracts = new Set(contracts.flatMap(({ methods }) => Object.values(methods).map(({ name }) => name)));
  const others = members.filter(({ name }) => !inContracts.has(name)).map((member) => [member.name, describeMember(member, options)] as const);
  return {
    agent: id,
    protocol: protocol.version,
    contracts: contracts.map((contract) => describe(contract, options)),
    methods: Object.fromEntries(others),
    ...(rate === undefined ? {} : { rate }),
  };
}
