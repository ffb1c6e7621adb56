export { isTightbeamError, TightbeamError } from "../errors.js";
export { type AwaitUsing, awaitUsing } from "../disposable.js";
export { checkKnown } from "../known-options.js";
export { countGarbage, release, releaseFrame, takesBuffer } from "../release.js";
export { systemRuntime } from "../runtime/index.js";
export type { Clock, Random, Runtime, Timers } from "../runtime/runtime.js";
export { type Address, address, agentAddress, inboxAddress, isAddress, isAgentId, isInstance, parseInbox } from "./address.js";
export { createInbox, frameOverheadBytes, type Inbox, type InboxOptions } from "./inbox.js";
export { randomInstance } from "./instance.js";
export { type Closed, createClosed, createTransportState } from "./state.js";
export { type AddressTable, createAddressTable, type Member } from "./table.js";
export {
  type Receive,
  type StateChange,
  type SubscribeOptions,
  type Transport,
  TransportError,
  type TransportErrorCode,
  type TransportState,
  type Unsubscribe,
} from "./transport.js";
