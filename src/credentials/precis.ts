// The PRECIS FreeformClass (RFC 8264 section 4.3, by the algorithm of section 8) with the contextual rules
// of RFC 5892 appendix A: which code points a password may hold. Everything is derived from the Unicode
// properties of the JavaScript engine, so that the answer for a code point can change in one way only, from
// "unassigned" to something else, when the engine learns a newer Unicode.
//
// Two of the RFC's categories need no test here, since the general categories that this class allows cover
// all their members: the exceptions that are valid, and HasCompat (what NFKC changes).
//
// The order of the tests is the RFC's and matters: an old Hangul jamo is also a letter, a ZERO WIDTH JOINER
// is also ignorable, and the exceptions come before everything.

import { joinsBackward, joinsForward, transparentToJoining } from "./joining-types.ts";

/** Why a code point is refused; undefined when the string is in the class. */
export type FreeformFault =
  | "a control character"
  | "a character that Unicode has not assigned"
  | "an invisible or non-character code point"
  | "an old Hangul jamo"
  | "a character out of its context (a joiner, a middle dot or digits of two scripts)"
  | "a character that PRECIS does not allow in passwords";

/** RFC 5892 section 2.6, kept by RFC 8264 section 9.6: the exceptions that are never allowed. */
const exceptedDisallowed = new Set("\u0640\u07fa\u302e\u302f\u3031\u3032\u3033\u3034\u3035\u303b");
const contextual = /^[\u00b7\u0375\u05f3\u05f4\u30fb\u0660-\u0669\u06f0-\u06f9\u200c\u200d]$/u;

const ascii7 = /^[\x21-\x7e]$/u;
const unassigned = /^(?!\p{Noncharacter_Code_Point})\p{Cn}$/u;
/** Hangul_Syllable_Type L, V or T, for which there is no property escape. */
const oldHangulJamo = /^[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7c6\ud7cb-\ud7fb]$/u;
const ignorable = /^[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]$/u;
const control = /^\p{Cc}$/u;
const lettersDigitsSpacesSymbolsPunctuation =
  /^[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}\p{Lt}\p{Nl}\p{No}\p{Me}\p{Zs}\p{S}\p{P}]$/u;

const greek = /^\p{Script=Greek}$/u;
const hebrew = /^\p{Script=Hebrew}$/u;
const kanaOrHan = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;
const arabicIndicDigit = /[\u0660-\u0669]/u;
const extendedArabicIndicDigit = /[\u06f0-\u06f9]/u;

/** The first reason why a well-formed string isn't in the FreeformClass. */
export function findFreeformFault(text: string): FreeformFault | undefined {
  const points = Array.from(text);
  for (const [index, point] of points.entries()) {
    if (ascii7.test(point)) continue;
    const fault = contextual.test(point) ? contextualFault(points, index, text) : codePointFault(point);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function codePointFault(point: string): FreeformFault | undefined {
  if (exceptedDisallowed.has(point)) return "a character that PRECIS does not allow in passwords";
  if (unassigned.test(point)) return "a character that Unicode has not assigned";
  if (oldHangulJamo.test(point)) return "an old Hangul jamo";
  if (ignorable.test(point)) return "an invisible or non-character code point";
  if (control.test(point)) return "a control character";
  if (lettersDigitsSpacesSymbolsPunctuation.test(point)) return undefined;
  return "a character that PRECIS does not allow in passwords";
}

function contextualFault(points: readonly string[], index: number, text: string): FreeformFault | undefined {
  if (inContext(points, index, text)) return undefined;
  return "a character out of its context (a joiner, a middle dot or digits of two scripts)";
}

function inContext(points: readonly string[], index: number, text: string): boolean {
  const point = points[index] ?? "";
  const before = points[index - 1] ?? "";
  const after = points[index + 1] ?? "";
  switch (point) {
    case "\u200c": // A.1 ZERO WIDTH NON-JOINER
      return isVirama(before) || breaksJoin(points, index);
    case "\u200d": // A.2 ZERO WIDTH JOINER
      return isVirama(before);
    case "\u00b7": // A.3 MIDDLE DOT, as in Catalan
      return before === "l" && after === "l";
    case "\u0375": // A.4 GREEK LOWER NUMERAL SIGN
      return greek.test(after);
    case "\u05f3": // A.5 and A.6 HEBREW PUNCTUATION GERESH, GERSHAYIM
    case "\u05f4":
      return hebrew.test(before);
    case "\u30fb": // A.7 KATAKANA MIDDLE DOT, itself of no script
      return kanaOrHan.test(text);
    default: // A.8 and A.9: the two series of digits never together
      return !(arabicIndicDigit.test(text) && extendedArabicIndicDigit.test(text));
  }
}

/**
 * Canonical_Combining_Class 9. The engine doesn't tell combining classes, but it sorts marks by them when it
 * decomposes: a virama moves before U+05B0 (class 10), and U+3099 (class 8) moves before a virama.
 */
function isVirama(point: string): boolean {
  return movesBefore(point, "\u05b0") && movesBefore("\u3099", point);
}

function movesBefore(mark: string, other: string): boolean {
  const pair = `${other}${mark}`;
  const sorted = pair.normalize("NFD");
  return sorted !== pair && sorted === `${mark}${other}`;
}

/** (Joining_Type:{L,D})(Joining_Type:T)* ZWNJ (Joining_Type:T)*(Joining_Type:{R,D}) */
function breaksJoin(points: readonly string[], index: number): boolean {
  let left = index - 1;
  while (transparentToJoining.test(points[left] ?? "")) left -= 1;
  let right = index + 1;
  while (transparentToJoining.test(points[right] ?? "")) right += 1;
  return joinsForward.test(points[left] ?? "") && joinsBackward.test(points[right] ?? "");
}
