// Contracts: what a caller and a handler agree on.
export { type HandlerInput, type HandlerOutput, type Method, type MethodInput, type MethodOptions, type MethodOutput, method } from "./method.js";
export { validate, type Where } from "./validate.js";
export { invalid } from "./standard-schema.js";
export {
  type HandledStreamChunk,
  type HandledStreamInput,
  type HandledStreamOutput,
  type HandledStreamUp,
  type Stream,
  type StreamChunk,
  type StreamInput,
  type StreamOptions,
  type StreamOutput,
  type StreamUp,
  stream,
} from "./stream.js";
export { methodNamed, streamNamed } from "./wire-name.js";
export { type ReceivedTopicEvent, type Topic, type TopicEvent, topic } from "./topic.js";
export { type Contract, type ContractMember, type ContractMembers, type ContractOptions, checkContract, contract, type ReservedMember } from "./contract.js";
export {
  type ContractDescription,
  type DescribeOptions,
  describe,
  describeMember,
  type JsonSchema,
  type MemberDescription,
  type SchemaDescription,
} from "./describe.js";
