/** The frames of docs/protocol.md, sections 4 and 5: header layout, parse, build. No state, no crypto. */
export { counterOf, dataFault, dataHeader, putCounter } from "./data.js";
export {
  buildAsk,
  buildHs1Head,
  buildHs2,
  buildHs3,
  buildRetry,
  type Hs1,
  type Hs2,
  type Hs3,
  parseHs1,
  parseHs2,
  parseHs3,
  parseRetry,
  type Retry,
  sessionIdToBytes,
} from "./handshake.js";
export { askFlag, cookieFlag, type FrameFault, frameType, sessionIdOf } from "./prefix.js";
