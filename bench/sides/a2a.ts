/** The A2A SDK, JSON-RPC over HTTP: SendMessage, answered with a message at once (no task, nothing stored). */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { type AgentCard, type Message, Role } from "@a2a-js/sdk";
import { ClientFactory, JsonRpcTransportFactory } from "@a2a-js/sdk/client";
import { AgentEvent, type AgentExecutor, DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import { jsonRpcHandler, UserBuilder } from "@a2a-js/sdk/server/express";
import express from "express";
import { closedLoop, type Side } from "./side.js";

const message = (role: Role, parts: Message["parts"]): Message => ({
  messageId: randomUUID(),
  contextId: "",
  taskId: "",
  role,
  parts,
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});

const card = (url: string): AgentCard => ({
  name: "echo",
  description: "echoes",
  version: "1.0.0",
  supportedInterfaces: [{ url, protocolBinding: "JSONRPC", protocolVersion: "1.0", tenant: "" }],
  provider: undefined,
  capabilities: { streaming: false, pushNotifications: false, extendedAgentCard: false, extensions: [] },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ["text/plain"],
  defaultOutputModes: ["text/plain"],
  skills: [],
  signatures: [],
});

const executor: AgentExecutor = {
  async execute({ userMessage }, bus) {
    bus.publish(AgentEvent.message(message(Role.ROLE_AGENT, userMessage.parts)));
    bus.finished();
  },
  cancelTask: async () => undefined,
};

export const side: Side = {
  servers: {
    async echo() {
      const requestHandler = new DefaultRequestHandler(card("http://127.0.0.1/"), new InMemoryTaskStore(), executor);
      const app = express().use(jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
      const http = await new Promise<ReturnType<typeof app.listen>>((resolve) => {
        const server = app.listen(0, "127.0.0.1", () => resolve(server));
      });
      return `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
    },
  },
  async connect(url) {
    const client = await new ClientFactory({ transports: [new JsonRpcTransportFactory()] }).createFromAgentCard(card(url));
    return (load) => {
      const value = "x".repeat(load.bytes);
      return closedLoop(load, async () => {
        const parts: Message["parts"] = [{ content: { $case: "text", value }, metadata: undefined, filename: "", mediaType: "text/plain" }];
        const reply = await client.sendMessage({ tenant: "", message: message(Role.ROLE_USER, parts), configuration: undefined, metadata: undefined });
        const content = (reply as Message).parts?.[0]?.content;
        if (content?.$case !== "text" || content.value.length !== load.bytes) throw new Error("an echo of another length");
      });
    };
  },
};
