/** The MCP SDK over streamable HTTP: one session, JSON answers (faster than its default, an event stream per call), one tool that returns its text. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client as McpClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { z } from "zod";
import { closedLoop, type Side } from "./side.js";

export const side: Side = {
  servers: {
    async echo() {
      const server = new McpServer({ name: "echo", version: "1.0.0" });
      server.registerTool("echo", { inputSchema: { text: z.string() } }, ({ text }) => ({ content: [{ type: "text", text }] }));
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, enableJsonResponse: true });
      await server.connect(transport as Transport);
      const http = createServer((request, response) => void transport.handleRequest(request, response));
      await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
      return `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`;
    },
  },
  async connect(url) {
    const client = new McpClient({ name: "client", version: "1.0.0" });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)) as Transport);
    return (load) => {
      const text = "x".repeat(load.bytes);
      return closedLoop(load, async () => {
        const { content } = await client.callTool({ name: "echo", arguments: { text } });
        if ((content as { text: string }[])[0]?.text.length !== load.bytes) throw new Error("an echo of another length");
      });
    };
  },
};
