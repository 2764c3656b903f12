// Names for the codes of REFUSED, GOAWAY and ERROR. A code that this version does not know keeps its number,
// so that a later peer's codes are tolerated and still told apart (spec section 12).

export function codeName<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  code: number,
): Name | `unknown-${number}` {
  for (const name in codes) if (codes[name] === code) return name;
  return `unknown-${code}`;
}
