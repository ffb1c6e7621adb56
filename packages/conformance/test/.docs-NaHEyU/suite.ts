// tabs.test.ts
import { type FaultyTransport, injectFaults, testTransport } from "@tightbeam/conformance";
import { connectTabs } from "./tabs.js";

let media = 0;

testTransport({
  name: "tabs",
  create() {
    const name = `tabs ${media++}`;
    const all: FaultyTransport[] = [];
    return {
      async connect() {
        const transport = injectFaults(await connectTabs(name), { seed: 1 });
        all.push(transport);
        return transport;
      },
      // A medium that cannot be cut is cut by the fault injector; with a server, stop and start the server.
      cut() {
        for (const one of all) one.cut();
      },
      restore() {
        for (const one of all) one.restore();
      },
      close: () => {},
    };
  },
});
