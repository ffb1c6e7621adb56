import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import { checkKnown } from "../known-options.js";
import type { Contract, ContractMember } from "./contract.js";

/** A JSON Schema, draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a value must look like on the wire: what the schema takes, not what it makes of it. */
export interface SchemaDescription {
  /** `json`: as `json` says. `opaque`: there is a schema that has no JSON form. `none`: any value. */
  readonly schema: "json" | "opaque" | "none";
  /** `{}`, which takes any value, unless it says more. */
  readonly json: JsonSchema;
}

export type MemberDescription =
  | { readonly kind: "method"; readonly name: string; readonly idempotent: boolean; readonly input: SchemaDescription; readonly output: SchemaDescription }
  | {
      readonly kind: "stream";
      readonly name: string;
      readonly input: SchemaDescription;
      readonly chunk: SchemaDescription;
      readonly up: SchemaDescription;
      readonly output: SchemaDescription;
    }
  | { readonly kind: "topic"; readonly name: string; readonly event: SchemaDescription };

/** A contract as data: `JSON.stringify` makes a document of it. */
export interface ContractDescription {
  readonly name: string;
  readonly version: number;
  readonly methods: Readonly<Record<string, MemberDescription>>;
}

export interface DescribeOptions {
  /** For schemas that have no JSON form of their own: zod/mini's and valibot's, for instance `(schema) => toJsonSchema(schema)`. What it throws, and undefined, makes them opaque. */
  readonly convert?: (schema: StandardSchemaV1) => Readonly<Record<string, unknown>> | undefined;
}

/** The JSON Schema of each method, stream and topic, as far as their schemas have one: Standard JSON Schema, which zod and arktype speak, or `convert`. */
export const describe = (contract: Contract, options: DescribeOptions = {}): ContractDescription => ({
  name: contract.name,
  version: contract.version,
  methods: Object.fromEntries(Object.entries(contract.methods).map(([key, member]) => [key, describeMember(member, options)])),
});

export function describeMember(member: ContractMember, options: DescribeOptions = {}): MemberDescription {
  checkKnown("describe()", options, ["convert"]);
  const of = (schema: StandardSchemaV1 | undefined): SchemaDescription => describeSchema(schema, options);
  const { kind, name } = member;
  if (kind === "method") return { kind, name, idempotent: member.idempotent, input: of(member.input), output: of(member.output) };
  if (kind === "stream") return { kind, name, input: of(member.input), chunk: of(member.chunk), up: of(member.up), output: of(member.output) };
  return { kind, name, event: of(member.event) };
}

const any: JsonSchema = Object.freeze({});

function describeSchema(schema: StandardSchemaV1 | undefined, { convert }: DescribeOptions): SchemaDescription {
  if (schema === undefined) return { schema: "none", json: any };
  const standard = schema["~standard"] as Partial<StandardJSONSchemaV1.Props>;
  const json = attempt(() => standard.jsonSchema?.input({ target: "draft-2020-12" })) ?? attempt(() => convert?.(schema));
  return json === undefined ? { schema: "opaque", json: any } : { schema: "json", json };
}

/** Not every schema can be said in JSON: libraries throw. The result is data, whatever they returned. */
function attempt(convert: () => Readonly<Record<string, unknown>> | undefined): JsonSchema | undefined {
  try {
    const json: unknown = JSON.parse(JSON.stringify(convert() ?? null));
    return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as JsonSchema) : undefined;
  } catch {
    return undefined;
  }
}
