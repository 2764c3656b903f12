// Evaluated in a page: the visible texts that stand out from what is behind them by less than WCAG's 4.5 to 1. A text,
// for the project's types know no browser.

export const faintTexts = String.raw`(() => {
  const parse = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\d.]+/g).map(Number);
    return { red, green, blue, alpha };
  };
  const share = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ({ red, green, blue }) => 0.2126 * share(red) + 0.7152 * share(green) + 0.0722 * share(blue);
  const behind = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const colour = parse(getComputedStyle(one).backgroundColor);
      if (colour.alpha === 1) return colour;
    }
    return { red: 255, green: 255, blue: 255 };
  };
  const faint = new Set();
  let seen = 0;
  for (const element of document.querySelectorAll("body *:not(option, script, noscript)")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!own || !element.checkVisibility()) continue;
    if (element.closest("button:disabled, .unseen, svg") !== null) continue;
    seen++;
    const [front, back] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (ratio < 4.5) faint.add(element.tagName + "." + element.className + ": " + ratio.toFixed(2));
  }
  if (seen < 200) faint.add("only " + seen + " texts were looked at");
  return [...faint];
})()`;
