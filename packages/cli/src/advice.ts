import type { ErrorCode } from "@tightbeam/core";

/** What to do at a terminal, where the error's own message was written for a programmer. */
const advice: Partial<Record<ErrorCode, string>> = {
  unavailable: "Is the relay, broker or authority running, and are host and port right?",
  failed: "Check the URL, its scheme and the certificate.",
  issuer_unavailable: "Check --authority (or --jwks): open its URL with curl.",
  denied: "Whoever was reached does not let this agent in: check --id, its token and what the relay or authority allows.",
  forbidden: "The peer asks for a permission that this agent's token lacks. `tightbeam token inspect` shows what it has.",
  unknown_issuer: "The two sides trust different issuers: compare --issuer and --jwks of both.",
  expired_token: "Get a new token (`tightbeam token issue`), or name an --authority that renews it. Check the clock if it was issued just now.",
  invalid_token: "`tightbeam token verify` says what is wrong with a token.",
  no_answer: "No agent of this id is there: check the id, and that it uses the same relay (or NATS prefix). `tightbeam ping <agent>` tries again.",
  timeout: "Give it longer with --timeout 60s, or look whether the agent is busy.",
  delivery_unknown: "It may have been done. Repeat it with the same --idempotency-key to be safe.",
  no_handler: "The agent is there and does not answer this method: check the name. One of a contract is called as it travels: search.find@2.",
  wrong_peer: "Another agent answered than the one that was asked for: check the id.",
  self: "Use another --id than the agent you call.",
  handshake_failed: "The two sides could not agree on keys: check that each trusts the other's issuer.",
  store_locked: "Another process has this store open. Wait for it, or use another --store.",
};

/** What somewhere on the way to the others may be wrong with. */
const onTheWay: ReadonlySet<ErrorCode> = new Set(["unavailable", "failed", "issuer_unavailable"]);

export const adviceFor = (code: ErrorCode): string | undefined =>
  onTheWay.has(code) ? `${advice[code]} \`tightbeam doctor\` looks at each step.` : advice[code];

/** As doctor itself says it. */
export const doctorsAdvice = (code: ErrorCode): string | undefined => advice[code];
