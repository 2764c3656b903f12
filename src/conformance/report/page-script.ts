// What the page does in a browser, beyond being read: it filters the requirements, keeps the filter in the address so that
// a view can be linked, opens the cases behind a cell, brings a frame's bytes to its arrow, and copies commands.
// It makes no HTML out of texts; it clones what stands in the page.

export const pageScript = String.raw`(() => {
"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const form = document.querySelector(".filters");
const dialog = document.querySelector("#decision");
const rows = all("tr.requirement").map((element) => ({
  element,
  level: element.dataset.level,
  section: element.dataset.section,
  verdicts: element.dataset.verdicts.split(" "),
  words: [".id", ".text"].map((part) => element.querySelector(part).textContent).concat(element.dataset.words).join(" ").toLowerCase(),
}));
const uncounted = all(".uncounted li");
const bodies = all("table.matrix tbody");
const chips = all("input[name=verdict]");
const failures = ["fail", "known-failure"].filter((name) => rows.some((row) => row.verdicts.includes(name)));
if (failures.length === 0) failures.push("fail");
const onlyFailures = document.querySelector("[data-failures]");
const legend = form.querySelector("legend").textContent;
const choices = ["level", "section", "implementation", "text"].map((name) => form.elements[name]).filter(Boolean);

// The address: #verdict=fail+warn&section=3.1&open=0+TB-FRAME-1
function readAddress() {
  const text = location.hash.slice(1);
  const place = text.includes("=") ? "" : text;
  return { place, state: new URLSearchParams(place === "" ? text : "") };
}

function writeAddress() {
  const state = new URLSearchParams();
  const verdicts = chips.filter((chip) => chip.checked).map((chip) => chip.value);
  if (verdicts.length > 0) state.set("verdict", verdicts.join(" "));
  for (const choice of choices) if (choice.value.trim() !== "") state.set(choice.name, choice.value.trim());
  if (dialog.open) state.set("open", dialog.dataset.column + " " + dialog.dataset.id);
  const text = state.toString();
  history.replaceState(null, "", text === "" ? location.pathname + location.search : "#" + text);
}

function restore() {
  const { place, state } = readAddress();
  if (place !== "") return visit(place);
  const verdicts = (state.get("verdict") ?? "").split(" ");
  for (const chip of chips) chip.checked = verdicts.includes(chip.value);
  for (const choice of choices) choice.value = state.get(choice.name) ?? "";
  for (const choice of choices) if (choice.value === "" && choice.options) choice.selectedIndex = 0;
  applyFilter();
  const cell = cellAt(state.get("open") ?? "");
  if (cell !== undefined) openCell(cell);
  else if (dialog.open) dialog.close();
}

function visit(id) {
  const target = document.getElementById(id);
  for (let one = target; one !== null; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  target?.scrollIntoView();
}

function applyFilter() {
  const wanted = chips.filter((chip) => chip.checked).map((chip) => chip.value);
  const level = form.elements.level.value;
  const section = form.elements.section.value;
  const column = form.elements.implementation?.value ?? "";
  const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const counts = new Map();
  let shown = 0;
  for (const row of rows) {
    const verdicts = column === "" ? row.verdicts : [row.verdicts[Number(column)]];
    const fits =
      (level === "" || row.level === level) &&
      (section === "" || row.section === section || row.section.startsWith(section + ".")) &&
      verdicts.some((verdict) => verdict !== "not-bound") &&
      words.every((word) => row.words.includes(word));
    if (fits) for (const verdict of new Set(verdicts)) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    const visible = fits && (wanted.length === 0 || verdicts.some((verdict) => wanted.includes(verdict)));
    row.element.hidden = !visible;
    if (visible) shown++;
  }
  for (const item of uncounted)
    item.hidden =
      level !== "" ||
      section !== "" ||
      (column !== "" && item.dataset.column !== column) ||
      (wanted.length > 0 && !wanted.includes(item.dataset.verdict)) ||
      !words.every((word) => item.textContent.toLowerCase().includes(word));
  for (const one of all(".uncounted")) one.hidden = uncounted.every((item) => item.hidden);
  for (const body of bodies) body.hidden = body.querySelector("tr.requirement:not([hidden])") === null;
  for (const output of all("output[data-count]")) output.value = String(counts.get(output.dataset.count) ?? 0);
  const filtered = wanted.length > 0 || choices.some((choice) => choice.value.trim() !== "");
  const name = column === "" ? "" : document.querySelector("#i" + column)?.textContent;
  form.querySelector("legend").textContent = name ? "Requirements where " + name + " came to" : legend;
  form.querySelector(".total").value =
    (shown === rows.length ? "All " + shown + " requirements" : shown + " of " + rows.length + " requirements") +
    (name ? ", by what " + name + " came to" : "");
  form.querySelector("[data-reset]").hidden = !filtered;
  document.querySelector(".nothing").hidden = shown > 0;
  const only = wanted.length === failures.length && failures.every((name) => wanted.includes(name));
  onlyFailures.setAttribute("aria-pressed", String(only));
}

function change() {
  applyFilter();
  writeAddress();
}

// The cell of a column and a requirement, such as "0 TB-FRAME-1", or a case that stands under none.
function cellAt(place) {
  return all("a.cell").find((one) => one.dataset.column + " " + idOf(one) === place);
}

const idOf = (cell) => cell.closest("[data-id]").dataset.id;

function openCell(cell) {
  const row = cell.closest("[data-id]");
  const column = cell.dataset.column;
  dialog.dataset.column = column;
  dialog.dataset.id = idOf(cell);
  const cases = cell.dataset.cases.split(" ").map((place) => copyOf("c" + column + "-" + place));
  const name = document.querySelector("#i" + column).textContent;
  const title = made("h2", "", row.querySelector(".id").textContent + " ", made("span", "who", name));
  title.id = "decision-title";
  title.tabIndex = -1;
  title.autofocus = true;
  const verdict = made("p", "decided", ...[...cell.children].filter((part) => part.tagName !== "SMALL").map((part) => part.cloneNode(true)));
  verdict.classList.add(cell.parentElement.classList[0]);
  const count = row.tagName === "LI" ? "" : cases.length === 1 ? "One case was selected for it." : cases.length + " cases were selected for it, the worst first.";
  dialog.replaceChildren(
    made("div", "bar", title, steps(cell), button("Close", "plain", () => dialog.close())),
    made("div", "inside", verdict, row.querySelector(".text").cloneNode(true), made("p", "note", count), ...cases),
  );
  cases[0].open = true;
  revealCopies(dialog);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  writeAddress();
}

// Steps among the failing cells that the filter shows.
function steps(cell) {
  const failing = all("[data-id]:not([hidden]) > .v-fail > a.cell, [data-id]:not([hidden]) > .v-known-failure > a.cell");
  const here = failing.indexOf(cell);
  const step = (text, other) => {
    const one = button(text, "plain", () => openCell(other));
    one.disabled = other === undefined;
    return one;
  };
  if (here === -1 || failing.length < 2) return made("span", "");
  return made("span", "steps", step("Previous failure", failing[here - 1]), step("Next failure", failing[here + 1]));
}

function copyOf(id) {
  const copy = document.getElementById(id).cloneNode(true);
  for (const part of [copy, ...all("[id]", copy)]) part.removeAttribute("id");
  copy.open = false;
  return copy;
}

function made(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
}

function button(text, className, act) {
  const element = made("button", className, text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

function revealCopies(root) {
  for (const one of all("button.copy", root)) one.hidden = false;
}

async function copy(one) {
  const code = one.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    say(one, "Copied");
  } catch {
    getSelection().selectAllChildren(code);
    say(one, "Selected");
  }
}

function say(one, text) {
  document.querySelector("#status").textContent = text;
  one.textContent = text;
  setTimeout(() => (one.textContent = "Copy"), 2000);
}

document.addEventListener("click", (event) => {
  const cell = event.target.closest("a.cell");
  if (cell !== null && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    return openCell(cell);
  }
  const link = event.target.closest("a[data-open]");
  const linked = link === null ? undefined : cellAt(link.dataset.open);
  if (linked !== undefined) {
    event.preventDefault();
    return openCell(linked);
  }
  const one = event.target.closest("button.copy");
  if (one !== null) return void copy(one);
  if (event.target === dialog) dialog.close();
  if (event.target.closest("[data-reset]") === null) return;
  form.reset();
  change();
  form.elements.text.focus();
});
document.addEventListener(
  "toggle",
  ({ target }) => {
    const link = target.open ? target.querySelector(":scope > a.bytes") : null;
    const bytes = link === null ? null : document.getElementById(link.getAttribute("href").slice(1));
    if (bytes !== null) link.replaceWith(bytes.querySelector(".bytes").cloneNode(true));
  },
  true,
);
onlyFailures.addEventListener("click", () => {
  const pressed = onlyFailures.getAttribute("aria-pressed") === "true";
  for (const chip of chips) chip.checked = !pressed && failures.includes(chip.value);
  change();
});
form.addEventListener("input", change);
form.addEventListener("submit", (event) => event.preventDefault());
dialog.addEventListener("close", writeAddress);
addEventListener("hashchange", restore);
form.hidden = false;
revealCopies(document);
restore();
})();
`;
