// How the page says a verdict: by colour, by sign and by word, for one of them alone doesn't reach everyone. Only what was
// seen to hold is called a pass; each way of not having seen it has its own word, and none of them looks like one.

import { asItStands, markup, type Markup } from "./page-markup.ts";
import type { ReportedCase, RequirementVerdict } from "./report.ts";

// "not-bound": the requirement binds the other role. "not-reached": a case that passed without coming to what it is about.
export type CellVerdict = RequirementVerdict | "not-bound" | "not-reached";

export interface VerdictWords {
  readonly word: string;
  // What the verdict says of a requirement.
  readonly meaning: string;
}

// The worst first; the order of legends, filters and lists.
export const verdictOrder = [
  "fail",
  "known-failure",
  "inconclusive",
  "warn",
  "unsupported",
  "not-reached",
  "not-played",
  "not-testable",
  "pass",
  "not-bound",
] as const satisfies readonly CellVerdict[];

export const verdictWords: Readonly<Record<CellVerdict, VerdictWords>> = {
  fail: {
    word: "fail",
    meaning: "a case about it did not go as the specification says, and the bytes show where",
  },
  "known-failure": {
    word: "known failure",
    meaning: "a case about it failed, as the file of known failures announces",
  },
  inconclusive: {
    word: "inconclusive",
    meaning: "it was tried and can't be decided: out of reach, busy, or the runner itself was late",
  },
  warn: { word: "warning", meaning: "it holds, by a way that the specification advises against" },
  unsupported: {
    word: "unsupported",
    meaning:
      "nothing was shown: the implementation or its profile lacks what the case needs, or the runner can't connect in the way that it needs here",
  },
  "not-reached": {
    word: "not reached",
    meaning:
      "nothing was shown: the case ran without a fault, but its conversation never came to what the case is about; it is counted apart from the passes",
  },
  "not-played": {
    word: "not played",
    meaning: "nothing was shown: this run selected no case for it, or none that came to what it is about",
  },
  "not-testable": {
    word: "not testable",
    meaning:
      "nothing was shown: a MAY, which can't be broken, or what can't be seen from outside but by tests or review",
  },
  pass: {
    word: "pass",
    meaning:
      "every case that was played for it, and came to what it is about, went as the specification says",
  },
  "not-bound": { word: "not bound", meaning: "it binds the other role" },
};

export function isFailure(verdict: CellVerdict): boolean {
  return verdict === "fail" || verdict === "known-failure";
}

// A pass that shows nothing must not look like one.
export function caseVerdict({ verdict, notReached }: ReportedCase): CellVerdict {
  return notReached === undefined ? verdict : "not-reached";
}

export function worseFirst(a: CellVerdict, b: CellVerdict): number {
  return verdictOrder.indexOf(a) - verdictOrder.indexOf(b);
}

export function sign(verdict: CellVerdict): Markup {
  return markup`<svg class="sign" viewBox="0 0 16 16" aria-hidden="true"><use href="#sign-${verdict}"/></svg>`;
}

export function verdictLabel(verdict: CellVerdict): Markup {
  return markup`<span class="verdict v-${verdict}">${sign(verdict)}<span>${verdictWords[verdict].word}</span></span>`;
}

const stroke = `fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"`;
const thin = `fill="none" stroke="currentColor" stroke-width="1.3"`;

const shapes: Readonly<Record<CellVerdict, string>> = {
  fail: `<path ${stroke} stroke-width="2.4" d="M3.5 3.5l9 9m0-9l-9 9"/>`,
  "known-failure": `<circle ${thin} cx="8" cy="8" r="6.7"/><path ${stroke} d="M5.6 5.6l4.8 4.8m0-4.8l-4.8 4.8"/>`,
  inconclusive: `<path ${stroke} d="M5.2 5.6a2.9 2.9 0 1 1 4.6 2.3C8.6 8.7 8 9.2 8 10.3m0 2.7v.1"/>`,
  warn: `<path ${thin} stroke-linejoin="round" d="M8 1.9 14.6 13.7H1.4z"/><path ${stroke} stroke-width="1.6" d="M8 6.2v3.3m0 2.2v.1"/>`,
  unsupported: `<circle ${thin} cx="8" cy="8" r="6"/><path ${thin} d="M3.8 12.2l8.4-8.4"/>`,
  "not-reached": `<path ${stroke} d="M2.5 8h5.5m-2.3-2.3L8 8l-2.3 2.3M12.5 3.5v9"/>`,
  "not-played": `<path ${stroke} d="M3.5 8h9"/>`,
  "not-testable": `<circle ${thin} stroke-dasharray="2.2 2" cx="8" cy="8" r="6"/>`,
  pass: `<path ${stroke} d="M3 8.6l3.4 3.4L13 4.6"/>`,
  "not-bound": `<circle fill="currentColor" cx="8" cy="8" r="1.2"/>`,
};

export function signShapes(): Markup {
  const symbols = verdictOrder.map(
    (verdict) => `<symbol id="sign-${verdict}" viewBox="0 0 16 16">${shapes[verdict]}</symbol>`,
  );
  return markup`<svg class="shapes" width="0" height="0" aria-hidden="true">${asItStands(symbols.join(""))}</svg>`;
}
