import { testTransport } from "@tightbeam/conformance";
import { createAuthority, type ManagedIdentity } from "@tightbeam/core/identity";
import { connectWebSocket } from "../src/index.js";
import { createMortalRelay } from "./fixture.js";

/** The suite listens at any segment below an agent's inbox and in any group; the built-in rule is tested in relay/policy.test.ts. */
const open = () => true;

testTransport({
  name: "websocket through a relay",
  async create() {
    const authority = await createAuthority();
    const mortal = await createMortalRelay(authority, { policy: open });
    const identities: ManagedIdentity[] = [];
    return {
      async connect(id) {
        const identity = await authority.enroll(id);
        identities.push(identity);
        return connectWebSocket(mortal.url, { identity, reconnect: { minMs: 10, maxMs: 50 } });
      },
      cut: () => mortal.kill(),
      restore: () => mortal.start(),
      async close() {
        for (const identity of identities) identity.close();
        await mortal.kill();
      },
    };
  },
});
