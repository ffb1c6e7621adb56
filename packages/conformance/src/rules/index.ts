import type { Rule } from "../rule.js";
import { addressing } from "./addressing.js";
import { delivery } from "./delivery.js";
import { lifecycle } from "./lifecycle.js";
import { receiving } from "./receiving.js";
import { sending } from "./sending.js";

const order = (rule: Rule): number => Number(rule.clause.slice(1));

/** Every rule, in the order of the clauses. */
export const rules: readonly Rule[] = [...lifecycle, ...sending, ...receiving, ...delivery, ...addressing].toSorted((a, b) => order(a) - order(b));
/** The rules that only a medium can pass that neither loses, repeats, reorders nor changes frames. Faults turned on, these do not apply. */
export const losslessRules: readonly string[] = rules.filter((rule) => rule.lossless).map((rule) => rule.id);
