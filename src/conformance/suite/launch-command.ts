// A profile's launch command, with its placeholders filled in (spec/conformance.md, section 2).

import type { Launch } from "./child-process.ts";
import { numbersOf, type Implementation } from "./implementation.ts";
import { NotReady } from "./target.ts";

export function launchOf(
  { launch, folder, profile }: Implementation,
  port: number | undefined,
): Launch | undefined {
  if (launch === undefined) return undefined;
  const values: Record<string, number> = { ...numbersOf(profile), ...(port === undefined ? {} : { port }) };
  const command = launch.map((word) =>
    word.replaceAll(/\{([a-z-]+)\}/g, (placeholder, name: string) => {
      const value = values[name];
      if (value === undefined)
        throw new NotReady(`the launch command has ${placeholder}, which has no value`);
      return String(value);
    }),
  );
  const environment = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      `TALKBYTE_${name.replaceAll("-", "_").toUpperCase()}`,
      String(value),
    ]),
  );
  return { command, folder, environment };
}
