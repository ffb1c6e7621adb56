import { connectMemory, createHub } from "@tightbeam/memory";
import { allSuites } from "./all-suites.js";
import type { Medium } from "./place.js";

const open = async (): Promise<Medium> => {
  const hub = createHub();
  return { connect: () => connectMemory(hub), cut: hub.cut, restore: hub.restore, close: hub.close };
};

allSuites({ name: "memory", open });
allSuites({ name: "memory that loses, doubles, delays and reorders frames and is cut", open, faulty: true });
