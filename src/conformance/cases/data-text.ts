// JSON laid out so that a difference between two versions can be read: each member of a case or requirement on a
// line, each step on a line, and inside them no line breaks.

export function dataText(data: unknown): string {
  return `${lines(data, "", [])}\n`;
}

function lines(value: unknown, indent: string, path: readonly string[]): string {
  if (typeof value !== "object" || value === null || !hasLines(value, path)) return oneLine(value);
  const inner = `${indent}  `;
  const entries: [string, unknown][] = Object.entries(value);
  const written = entries
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => {
      const text = lines(item, inner, [...path, key]);
      return `${inner}${Array.isArray(value) ? "" : `${JSON.stringify(key)}: `}${text}`;
    });
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${written.join(",\n")}\n${indent}${close}`;
}

// Lines for what one looks for by eye: the head, each case, each requirement, each step.
function hasLines(value: object, path: readonly string[]): boolean {
  const last = path.at(-1) ?? "";
  if (Object.keys(value).length === 0) return false;
  if (path.length === 0 || "one-of" in value || last === "one-of") return true;
  const [list = ""] = path;
  if (path.length <= 2 && ["profile", "cases", "requirements"].includes(list)) return true;
  return isStepList(path);
}

function isStepList(path: readonly string[]): boolean {
  if (path.at(-2) === "one-of") return true;
  return path[0] === "cases" && path.length === 3 && ["server", "client"].includes(path[2] ?? "");
}

// Line breaks inside texts are escaped, so what is left of them is layout.
function oneLine(value: unknown): string {
  return JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, " ");
}
