// A relay in a process of its own, on Node: `node relay.mjs <port> <issuer> <jwks as JSON>`. Prints its URL and ends with its standard input.
import { trust } from "@tightbeam/core";
import { createRelay } from "@tightbeam/websocket/relay";

const [port = "0", issuer = "", jwks = "{}"] = process.argv.slice(2);
const relay = await createRelay({ port: Number(port), trust: trust.jwks(JSON.parse(jwks), { issuer }) });
console.log(relay.url);
process.stdin.resume().once("end", () => process.exit());
