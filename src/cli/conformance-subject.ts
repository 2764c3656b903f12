// What is under test, put together from the profile file, the command line and the environment. A password comes from
// the file or the environment alone: an argument can be read by everyone on the machine.

import { parseProfile, isVariableName, variables } from "../conformance/exchange/profile.ts";
import {
  loadImplementation,
  scaled,
  unprofiled,
  type Implementation,
} from "../conformance/suite/implementation.ts";
import { usageError } from "./command-error.ts";
import type { RunOptions } from "./conformance-options.ts";

const passwordVariables = {
  password: "TALKBYTE_PASSWORD",
  "wrong-password": "TALKBYTE_WRONG_PASSWORD",
  "disabled-password": "TALKBYTE_DISABLED_PASSWORD",
} as const;

export function subjectOf(
  options: RunOptions,
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Implementation {
  const base = options.profile === undefined ? unprofiled : loadImplementation(options.profile);
  const values: Record<string, unknown> = { ...base.profile.variables };
  for (const [name, variable] of Object.entries(passwordVariables)) values[name] ??= environment[variable];
  const settings = (options.set ?? []).map(parseSetting);
  // These follow from tries, unless they are set themselves.
  if (settings.some((setting) => "tries" in setting))
    values["tries-minus-1"] = values["tries-minus-2"] = undefined;
  Object.assign(values, ...settings);
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const { name, host, port, fingerprint } = options;
  const implementation: Implementation = {
    ...base,
    ...(name === undefined ? {} : { name }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(options.plaintext === true ? { transport: "plaintext" } : {}),
    ...(command.length === 0 ? {} : { launch: command, folder: process.cwd() }),
    profile: parseProfile(given),
  };
  return scaled(implementation, options.timeScale);
}

function parseSetting(text: string): Record<string, string | number> {
  const at = text.indexOf("=");
  const name = at === -1 ? text : text.slice(0, at);
  const value = text.slice(at + 1);
  if (Object.hasOwn(passwordVariables, name))
    throw usageError(
      `--set takes no passwords, for others can read a command line: put ${name} into the profile or into the environment`,
    );
  if (at === -1 || !isVariableName(name))
    throw usageError(`--set takes NAME=VALUE with one of the names ${Object.keys(variables).join(", ")}`);
  if (variables[name] === "text") return { [name]: value };
  if (!/^\d{1,15}$/.test(value)) throw usageError(`--set ${name} takes a whole number`);
  return { [name]: Number(value) };
}
