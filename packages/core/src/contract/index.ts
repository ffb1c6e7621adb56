// Contracts: what a caller and a handler agree on.
export { type HandlerInput, type HandlerOutput, type Method, type MethodInput, type MethodOptions, type MethodOutput, method } from "./method.js";
export { validate, type Where } from "./validate.js";
export { checkOptions, invalid } from "./standard-schema.js";
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
export { type ReceivedTopicEvent, type Topic, type TopicEvent, topic } from "./topic.js";
