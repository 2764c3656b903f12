// talkbyte-client: parses its command line, then talks or probes, and turns what went wrong into an exit code, a
// line for the person, and an event for --json.

import { ClientConsole } from "./client-console.ts";
import { describeFailure, type Failure } from "./client-failure.ts";
import { Interruption } from "./client-interruption.ts";
import { parseClientOptions, type ClientCommandOptions } from "./client-options.ts";
import { probe } from "./client-probe.ts";
import { lineNumbers, Talk } from "./client-talk.ts";
import { processIo, type CommandIo } from "./command-io.ts";
import { exitCodes, type ExitCode } from "./exit-codes.ts";
import { reportError } from "./report.ts";

const name = "talkbyte-client";

export async function run(argv: readonly string[], io: CommandIo = processIo): Promise<number> {
  let options: ClientCommandOptions;
  try {
    options = parseClientOptions(argv, io);
  } catch (error) {
    return reportError(error, name, argv, io);
  }
  const console = new ClientConsole(options);
  const interruption = new Interruption();
  const talk = new Talk(options, console, interruption);
  let exitCode: ExitCode = exitCodes.ok;
  try {
    await (options.probe ? probe(options, console, interruption) : talk.run());
    await console.output.flush();
  } catch (error) {
    const failure = describeFailure(error, options, argv);
    if (console.output.readerGone) exitCode = exitCodes.ok;
    else if (failure === undefined) exitCode = reportError(error, name, argv, io);
    else exitCode = report(interruption.received ? { ...failure, message: "interrupted" } : failure);
  }
  console.trace?.end();
  console.endPrompt();
  await console.output.flush().catch(() => undefined); // told above
  return interruption.exitCode ?? exitCode;

  function report({ exitCode, message, details, fields }: Failure): ExitCode {
    const { sent, replies } = talk.progress ?? {};
    console.say(message);
    console.add(details);
    if (sent !== undefined && replies !== undefined && sent > replies) {
      console.add([`No reply came to ${lineNumbers(replies + 1, sent)}.`]);
    }
    const code = interruption.exitCode ?? exitCode;
    console.events.event("error", { ...fields, message, exitCode: code, sent, replies });
    return exitCode;
  }
}
