import type { TransportEnv } from "@tightbeam/conformance/suite";
import { connectMemory, createHub } from "@tightbeam/memory";

export function memoryEnv(): TransportEnv {
  const hub = createHub();
  return { connect: () => connectMemory(hub), cut: hub.cut, restore: hub.restore, close: hub.close };
}
