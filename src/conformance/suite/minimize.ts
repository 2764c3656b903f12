// Shrinks a failing exchange: fewer cuts, steps and bytes, as long as it still fails alike and a peer that keeps to the
// specification still passes it. Without that second condition, the smallest way to get no answer would be not to ask.

import { Document, isCollection, parseDocument } from "yaml";
import { parseExchange, type Exchange } from "../exchange/exchange.ts";
import { ExchangeError } from "../exchange/strict-yaml.ts";
import { segmentations, type Segmentation } from "../play/segmentation.ts";
import type { Result } from "../play/result.ts";

export interface MinimizeOptions {
  // The text of the file.
  readonly text: string;
  readonly failed: Result;
  // Plays it against the implementation under test.
  replay(exchange: Exchange, segmentation: Segmentation): Promise<Result>;
  // Whether a peer that keeps to the specification passes it.
  isSound(exchange: Exchange): Promise<boolean>;
  // Called with each that is smaller.
  onShrunk?(steps: number, plays: number): void;
}

export interface Minimized {
  readonly text: string;
  readonly segmentation: Segmentation;
  readonly plays: number;
}

// A bound on the work, not on the result: it's greedy, and the first candidates bring most.
const mostPlays = 200;

// Gives undefined if it doesn't fail alike when it is played again: there's nothing to hold on to then.
export async function minimize(options: MinimizeOptions): Promise<Minimized | undefined> {
  const { failed } = options;
  const wanted = signatureOf(failed);
  let plays = 0;
  const failsAlike = async (exchange: Exchange, segmentation: Segmentation): Promise<boolean> => {
    plays++;
    const result = await options.replay(exchange, segmentation);
    return result.verdict === "fail" && signatureOf(result) === wanted;
  };
  const file = `${failed.id}.yaml`;
  let tree = parseDocument(options.text).toJS() as Tree;
  let segmentation = failed.segmentation;
  if (!(await failsAlike(parseExchange(textOf(tree), file), segmentation))) return undefined;
  for (const simpler of segmentations.slice(0, segmentations.indexOf(segmentation)))
    if (await failsAlike(parseExchange(textOf(tree), file), simpler)) {
      segmentation = simpler;
      break;
    }
  const shrink = async (from: Tree): Promise<Tree | undefined> => {
    for (const candidate of candidatesOf(from)) {
      if (plays >= mostPlays) return undefined;
      const exchange = parsed(candidate, file);
      if (exchange === undefined || !exchange.roles.includes(failed.role)) continue;
      if ((await failsAlike(exchange, segmentation)) && (await options.isSound(exchange))) return candidate;
    }
    return undefined;
  };
  for (let next = await shrink(tree); next !== undefined; next = await shrink(next)) {
    tree = next;
    options.onShrunk?.(tree.steps.length, plays);
  }
  return { text: textOf(tree), segmentation, plays };
}

// What was asked for and what came, without the numbers, which change when bytes go.
function signatureOf({ reason, comparison }: Result): string {
  const [first = ""] = comparison?.expected.slice(1) ?? [];
  return `${first} / ${reason}`.replaceAll(/\b(?:[0-9a-f]{2})+\b|\d+/g, "#");
}

interface Tree {
  readonly steps: readonly unknown[];
  readonly [key: string]: unknown;
}

function parsed(tree: Tree, file: string): Exchange | undefined {
  try {
    return parseExchange(textOf(tree), file);
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}

// Steps first, from the last: what comes after the failure goes at once. Then bytes.
function* candidatesOf(tree: Tree): Generator<Tree> {
  for (let size = Math.ceil(tree.steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let end = tree.steps.length; end > 0; end -= size)
      yield { ...tree, steps: tree.steps.filter((_step, index) => index < end - size || index >= end) };
  for (const [key, value, smaller] of shrinkable(tree.steps))
    yield { ...tree, steps: replaced(tree.steps, key, value, smaller) as unknown[] };
}

type Shrinking = readonly [key: string, value: unknown, smaller: unknown];

const bytesKeys = ["hex", "raw", "add"];
const countKeys = ["times", "repeat", "length"];

function shrinkable(node: unknown): readonly Shrinking[] {
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]): Shrinking[] => {
    if (countKeys.includes(key) && typeof value === "number" && value > 1)
      return [1, Math.floor(value / 2), value - 1].map((smaller) => [key, value, smaller]);
    if (bytesKeys.includes(key) && typeof value === "string") {
      const digits = value.replaceAll(" ", "");
      const half = Math.ceil(digits.length / 4) * 2;
      return digits.length <= 2
        ? []
        : [digits.slice(0, half), digits.slice(0, -2)].map((less) => [key, value, less]);
    }
    if (key === "payload" && typeof value === "string" && value.length > 1)
      return [[key, value, value.slice(0, 1)]];
    return [...shrinkable(value)];
  });
}

// A message is told by its application, too, and messages are counted.
const givenBack: Readonly<Record<string, string>> = { payload: "send", repeat: "accepted" };

// In all places at once, for what one side sends the other often gives back.
function replaced(node: unknown, key: string, value: unknown, smaller: unknown): unknown {
  if (Array.isArray(node)) return node.map((item) => replaced(item, key, value, smaller));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([name, inner]) => [
      name,
      inner === value && (name === key || givenBack[key] === name)
        ? smaller
        : replaced(inner, key, value, smaller),
    ]),
  );
}

function textOf({ steps, ...head }: Tree): string {
  const options = { lineWidth: 0, flowCollectionPadding: true } as const;
  const flow = (value: unknown): string => {
    const document = new Document(value);
    if (isCollection(document.contents)) document.contents.flow = true;
    return document.toString(options).trimEnd();
  };
  const keys = Object.entries(head).map(([key, value]) => `${key}: ${flow(value)}`);
  return [...keys, "steps:", ...steps.map((step) => `- ${flow(step)}`), ""].join("\n");
}
