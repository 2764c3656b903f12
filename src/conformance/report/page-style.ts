// How the page looks. Requirements are sentences of a specification and are set as such, in a book face; what comes off the
// wire is monospaced; colour is kept for verdicts. One scheme of names for light and dark, and for paper.

import { diagramStyle } from "./page-diagram-style.ts";

const colours = String.raw`
:root {
  color-scheme: light dark;
  --paper: #fdfcf9; --panel: #f5f2eb; --ink: #22201c; --soft: #625d53; --rule: #dcd6c9; --link: #1f4e79;
  --fail: #ad1f16; --fail-ground: #ad1f16; --fail-ink: #ffffff; --fail-bar: #ad1f16; --minus: #d6e6f7; --plus: #fce0c0; --known: #86355f; --unsure: #5a4696;
  --warn: #855300; --pass: #24664c; --none: #66614f; --tested: #1f4e79; --line: #a69f90;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #17181b; --panel: #202226; --ink: #e7e4dc; --soft: #aca79c; --rule: #383a3f; --link: #93c0ec;
    --fail: #ff9082; --fail-ground: #98231a; --fail-ink: #ffffff; --fail-bar: #ff6a57; --minus: #173a5c; --plus: #5b3208; --known: #e8a2c5; --unsure: #bcaef2;
    --warn: #e5b45c; --pass: #84c9aa; --none: #aaa592; --tested: #93c0ec; --line: #6c6a66;
  }
}
`;

const text = String.raw`
*, ::before, ::after { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 4.5rem; }
body {
  margin: 0 auto; max-width: 78rem; padding: 2.5rem clamp(0.9rem, 3vw, 2.5rem) 5rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 Charter, "Bitstream Charter", "Iowan Old Style", "Palatino Linotype", Palatino, P052, Georgia, serif;
  overflow-wrap: anywhere; font-variant-numeric: lining-nums;
}
h1, h2, h3, h4, p, ul, ol, dl, dd, pre, fieldset { margin: 0; padding: 0; }
h1 { font-size: clamp(1.7rem, 4.5vw, 2.6rem); line-height: 1.12; font-weight: 600; letter-spacing: -0.012em; text-wrap: balance; }
h2 { font-size: 1.5rem; line-height: 1.2; font-weight: 600; margin: 3.2rem 0 0.7rem; padding-top: 0.8rem; border-top: 1px solid var(--ink); }
h3 { font-size: 1.15rem; line-height: 1.3; font-weight: 600; margin: 1.4rem 0 0.5rem; }
h4 { font: 600 0.8rem/1.4 system-ui, sans-serif; color: var(--soft); margin: 1.4rem 0 0.4rem; }
h2 small, h3 small { font-size: 0.95rem; font-weight: 400; color: var(--soft); }
a { color: var(--link); }
code, pre, .id, .hex { font-family: ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.84em; }
pre { white-space: pre-wrap; }
summary { cursor: pointer; }
button, select, input, .verdict, .filters, .note, .over, .kind, .when, .failing, .counts, .matrix thead, .matrix td, .facts, .how, .legend, dialog .bar {
  font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
}
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.shapes { position: absolute; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; }
.note { font-size: 0.82rem; color: var(--soft); }
.lead { max-width: 44rem; margin-top: 0.7rem; }
.over { font-size: 0.82rem; color: var(--soft); margin-bottom: 0.5rem; }
strong { font-weight: 600; font-size: 0.9em; letter-spacing: 0.02em; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0 1.4rem; margin-top: 0.9rem; font: 0.9rem/1.6 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
.sign { width: 0.95em; height: 0.95em; flex: none; vertical-align: -0.1em; }
.verdict { display: inline-flex; align-items: center; gap: 0.4em; white-space: nowrap; }
.v-fail { --tone: var(--fail); } .v-known-failure { --tone: var(--known); } .v-inconclusive { --tone: var(--unsure); }
.v-warn { --tone: var(--warn); } .v-pass { --tone: var(--pass); }
.v-unsupported, .v-not-reached, .v-not-played, .v-not-testable, .v-not-bound { --tone: var(--none); }
.verdict, .sign { color: var(--tone); }
button { font-size: 0.85rem; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 4px; padding: 0.25rem 0.7rem; cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--ink); }
button:disabled { color: var(--soft); cursor: default; border-color: var(--rule); }
button.plain { border-color: transparent; color: var(--link); text-decoration: underline; background: none; padding: 0.25rem 0.4rem; }
button.plain:disabled { text-decoration: none; color: var(--soft); }
button.strong[aria-pressed=true] { background: var(--fail-ground); border-color: var(--fail-ground); color: var(--fail-ink); }
`;

const cards = String.raw`
.cards { display: grid; grid-template-columns: minmax(0, 1fr); gap: 2rem clamp(1.5rem, 4vw, 3.5rem); margin-top: 2.4rem; }
@media (min-width: 46rem) { .cards.pairs { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (min-width: 66rem) { .cards.threes { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
.card { border-top: 3px solid var(--ink); padding-top: 0.7rem; }
.card h3 { margin: 0; font-size: 1.3rem; }
.kind, .when { font-size: 0.82rem; color: var(--soft); }
.headline { font-size: 1.1rem; line-height: 1.35; margin: 0.6rem 0 0.8rem; }
.headline.bad { color: var(--fail); font-weight: 600; }
p.failing, details.failing, .card > ul.failing { font-size: 0.85rem; }
p.failing { color: var(--soft); }
ul.failing { list-style: none; margin: 0.2rem 0 0.6rem; }
details.failing { margin: -0.3rem 0 0.7rem; }
details.failing summary { color: var(--link); }
ul.failing a { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.95em; color: var(--fail); }
ul.failing small { font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
.bar { display: block; }
svg.bar { width: 100%; max-width: 28rem; height: 0.6rem; margin-bottom: 0.7rem; }
.b-fail { fill: var(--fail-bar); } .b-known-failure { fill: var(--known); } .b-inconclusive { fill: var(--unsure); }
.b-warn { fill: var(--warn); } .b-pass { fill: var(--pass); opacity: 0.75; }
.b-unsupported, .b-not-testable { fill: var(--rule); } .b-not-played, .b-not-bound { fill: var(--none); }
.stripes { stroke: var(--none); stroke-width: 10; stroke-dasharray: 5 5; }
svg.swatch { display: inline-block; width: 1.1rem; height: 0.6rem; margin: 0 0.5rem 0 0; }
.counts .stripes { stroke-dasharray: 8 8; }
.counts { border-collapse: collapse; font-size: 0.85rem; width: 100%; max-width: 28rem; font-variant-numeric: tabular-nums; }
.counts th, .counts td { white-space: nowrap; font-weight: 400; text-align: right; padding: 0.12rem 0; }
.counts thead { color: var(--soft); font-size: 0.78rem; }
.counts tbody th { text-align: left; }
.counts td { width: 6.5rem; }
.remarks { margin: 0.8rem 0 0; padding: 0.5rem 0.8rem 0.5rem 1.6rem; background: var(--panel); font-size: 0.9rem; }
.when { margin-top: 0.8rem; }
.how, .legend { font-size: 0.82rem; margin-top: 0.4rem; }
.how summary, .legend summary { color: var(--link); width: fit-content; }
.legend dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin-top: 0.4rem; }
.how { margin-top: 1.6rem; }
/* A shade at the edge for as long as something is beyond it. */
.scrolled { overflow-x: auto; background: linear-gradient(to left, var(--paper) 1.2rem, transparent) right / 2.4rem 100% no-repeat local, linear-gradient(to left, var(--line), transparent) calc(100% - 1px) 0 / 1rem 100% no-repeat; }
.how table { border-collapse: collapse; margin-top: 0.5rem; font-variant-numeric: tabular-nums; }
.how th, .how td { text-align: left; vertical-align: top; font-weight: 400; padding: 0.15rem 1.6rem 0.15rem 0; border-top: 1px solid var(--rule); min-width: 5.5rem; max-width: 16rem; overflow-wrap: break-word; }
.how thead th { border-top: 0; }
.how thead th, .how th[scope=rowgroup], .how .unlike > * { font-weight: 600; }
.how th { color: var(--soft); }
.legend { margin: 0.8rem 0; }
`;

const matrix = String.raw`
.filters { background: var(--panel); padding: 0.8rem 1rem; margin: 1rem 0; font-size: 0.85rem; display: flex; flex-wrap: wrap; gap: 0.7rem 1rem; align-items: center; }
.filters fieldset { border: 0; display: flex; flex-wrap: wrap; gap: 0.3rem; min-width: 0; }
.filters legend { color: var(--soft); padding: 0; margin-bottom: 0.3rem; }
.chip { display: inline-flex; align-items: center; gap: 0.4em; padding: 0.2rem 0.6rem; border: 1px solid var(--rule); border-radius: 99px; background: var(--paper); cursor: pointer; color: var(--ink); }
.chip.absent:not(:has(:checked)) { display: none; }
.chip input { position: absolute; opacity: 0; pointer-events: none; }
.chip output { color: var(--soft); font-variant-numeric: tabular-nums; }
.chip:hover { border-color: var(--line); }
.chip:has(:checked) { border-color: var(--tone); box-shadow: inset 0 0 0 1px var(--tone); }
.chip:has(:focus-visible) { outline: 2px solid var(--link); outline-offset: 2px; }
.choices { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; min-width: 0; }
.choices label { color: var(--soft); max-width: 100%; }
select, input[type=search] { font-size: 0.85rem; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: 4px; padding: 0.22rem 0.4rem; max-width: 15rem; }
.shown { margin-left: auto; color: var(--soft); }
.caution { border-left: 3px solid var(--warn); padding-left: 0.8rem; margin: 0.6rem 0; }
.matrix { border-collapse: collapse; width: 100%; table-layout: fixed; }
.matrix th { text-align: left; font-weight: 400; }
.matrix thead th { position: sticky; top: 0; z-index: 1; background: var(--paper); box-shadow: inset 0 -1px var(--ink); font-size: 0.82rem; font-weight: 600; line-height: 1.25; padding: 0.7rem 0.9rem 0.5rem 0; vertical-align: bottom; }
.matrix thead th:not(:first-child) { width: 10.5rem; }
.matrix thead span { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.matrix thead small { display: block; font-weight: 400; color: var(--soft); }
.matrix .section th { padding: 1.5rem 0 0.35rem; font-weight: 600; font-size: 1.02rem; }
.matrix .section small { font-size: inherit; font-weight: 400; color: var(--soft); }
.requirement > * { border-top: 1px solid var(--rule); vertical-align: top; }
.requirement th { padding: 0.5rem 1.5rem 0.5rem 0; line-height: 1.4; }
.requirement .id { float: left; width: 10.5em; padding-top: 0.2em; color: var(--soft); font-size: 0.78em; }
.requirement .text { display: block; overflow: hidden; }
.requirement:hover > * { background: var(--panel); }
.requirement td { padding: 0.32rem 0.9rem 0.32rem 0; font-size: 0.85rem; }
.cell { display: inline-flex; flex-wrap: wrap; align-items: center; gap: 0 0.45em; color: var(--tone); padding: 0.2rem 0.5rem; margin-left: -0.5rem; border-radius: 4px; text-decoration: none; }
a.cell:hover { text-decoration: underline; }
.v-fail > a.cell { background: var(--fail-ground); color: var(--fail-ink); font-weight: 600; }
.v-fail > .cell .sign, .v-fail > .cell small { color: inherit; }
.v-known-failure > a.cell { box-shadow: inset 0 0 0 1px var(--known); }
td.v-not-bound .word { color: var(--soft); }
td .column, details.all { display: none; }
.uncounted h3 { margin-top: 1.8rem; }
.uncounted ul { list-style: none; }
.uncounted li { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.3rem 0.9rem; align-items: baseline; border-top: 1px solid var(--rule); padding: 0.5rem 0; }
.uncounted .cell { margin: 0; font: 0.85rem/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
.uncounted .id, .uncounted .text { color: var(--soft); }
.nothing { padding: 1.5rem 0; }
.many .matrix thead th:not(:first-child) { width: 8rem; padding-right: 0.5rem; }
.many .requirement .id { float: none; display: block; padding: 0; }
.frame.wide { overflow: auto; max-height: 92vh; }
.frame.wide .matrix { min-width: 74rem; }
`;

const cases = String.raw`
.case { border-top: 1px solid var(--rule); min-width: 0; }
.case > summary { display: grid; grid-template-columns: 1rem 1.6rem 1fr auto; column-gap: 0.2rem; align-items: baseline; padding: 0.5rem 0; list-style: none; line-height: 1.4; }
.case > summary::-webkit-details-marker { display: none; }
.case > summary:hover .title { text-decoration: underline; }
.case > summary::before { content: "▸"; color: var(--soft); grid-area: 1 / 1; }
.case[open] > summary::before { content: "▾"; }
.case > summary .sign { align-self: start; margin-top: 0.22em; grid-area: 1 / 2; }
.case > summary .id { color: var(--soft); font-size: 0.76em; padding-left: 1rem; text-align: right; }
.case > summary .reason { grid-column: 3 / -1; color: var(--tone); font-size: 0.92rem; }
.case .title { font-weight: 600; }
.case .body { padding: 0.3rem 0 1.8rem 3rem; min-width: 0; }
.cases > summary { padding: 0.5rem 0; }
.cases .title { font-weight: 400; }
.step { margin: 0.3rem 0 0.7rem; font-size: 0.92rem; }
.step + .note { margin: -0.4rem 0 0.7rem; }
.step code { white-space: pre-wrap; }
.known { margin-bottom: 0.6rem; }
.compare { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: 0.88rem; line-height: 1.45; border: 1px solid var(--rule); }
.compare caption { display: none; }
.compare th { text-align: left; font: 600 0.78rem/1.3 system-ui, sans-serif; padding: 0.4rem 0.7rem; background: var(--panel); }
.compare td { vertical-align: top; padding: 0.12rem 0.7rem 0.12rem 1.5rem; position: relative; }
.compare td + td, .compare th + th { border-left: 1px solid var(--rule); }
.compare tbody:last-child tr:last-child td { padding-bottom: 0.4rem; }
.compare code { color: inherit; margin-right: 0.5rem; }
.compare td { color: var(--soft); }
.compare td.marked { color: var(--ink); }
.compare .expected.marked { background: var(--minus); } .compare .received.marked { background: var(--plus); }
.mark { position: absolute; left: 0.55rem; }
mark { color: inherit; background: none; outline: 2px solid var(--fail); outline-offset: 1px; }
.expected .mark::after { content: "−"; } .received .mark::after { content: "+"; }
.covers { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; font-size: 0.92rem; }
.covers dt { font: 0.78rem/1.75 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--soft); }
.copied { display: flex; gap: 0.7rem; align-items: start; background: var(--panel); padding: 0.5rem 0.8rem; }
.copied pre { flex: 1; min-width: 0; }
.copied span { display: inline-block; max-width: 100%; white-space: pre-wrap; }
.facts { list-style: none; font-size: 0.82rem; color: var(--soft); margin-bottom: 0.6rem; }
.facts b, .facts q { color: var(--ink); }
.gauge { width: 9rem; height: 0.8rem; vertical-align: -0.15rem; overflow: visible; }
.gauge .axis { stroke: var(--rule); } .gauge rect { fill: var(--pass); opacity: 0.45; }
.gauge .needle { stroke: var(--ink); stroke-width: 2; } .gauge.missed .needle { stroke: var(--fail); }
.play > summary, p.same { font-size: 0.92rem; padding: 0.25rem 0; }
dialog { width: min(64rem, 100vw); max-width: none; height: 100dvh; max-height: none; margin: 0 0 0 auto; padding: 0; border: 0; border-left: 1px solid var(--line); background: var(--paper); color: var(--ink); overflow-wrap: anywhere; }
dialog::backdrop { background: rgb(20 20 20 / 45%); }
dialog .bar { position: sticky; top: 0; z-index: 2; display: flex; flex-wrap: wrap; align-items: center; gap: 0 0.6rem; background: var(--paper); border-bottom: 1px solid var(--rule); padding: 0.6rem clamp(0.9rem, 3vw, 2rem); }
dialog .bar h2 { flex: 1; outline: none; margin: 0; padding: 0; border: 0; font-size: 1rem; }
dialog .steps { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; }
dialog .bar .who { font-weight: 400; color: var(--soft); }
dialog .inside { padding: 1rem clamp(0.9rem, 3vw, 2rem) 3rem; }
dialog .decided { color: var(--tone); font-size: 1.15rem; font-weight: 600; display: flex; gap: 0.45em; align-items: center; }
dialog .note { margin-bottom: 0.8rem; }
dialog .text { display: block; font-size: 1.12rem; margin: 0.3rem 0 0.6rem; max-width: 46rem; }
`;

const smallAndPaper = String.raw`
@media (max-width: 46rem) {
  body { padding-top: 1.2rem; }
  .matrix, .matrix tbody, .matrix tr { display: block; }
  .matrix tbody[hidden], .matrix tr[hidden] { display: none; }
  .matrix thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .requirement { border-top: 1px solid var(--rule); padding: 0.6rem 0; display: grid !important; grid-template-columns: minmax(0, 1fr); gap: 0; }
  .requirement[hidden] { display: none !important; }
  .requirement > * { border-top: 0; }
  .requirement th { padding: 0 0 0.2rem; }
  .requirement .id { float: none; display: block; width: auto; }
  .requirement td { padding: 0.05rem 0; min-width: 0; display: grid; grid-template-columns: minmax(0, 1fr) 9rem; align-items: center; gap: 0.8rem; justify-items: start; }
  .matrix .section th { display: block; }
  td .column { display: block; max-width: 100%; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .cell { margin-left: 0; }
  td > span.cell, td:not(.v-fail, .v-known-failure) > .cell { padding-left: 0; }
  .frame.wide .matrix { min-width: 0; }
  .counts td { width: 5.2rem; }
  .how th, .how td { padding-right: 0.7rem; min-width: 4.6rem; }
  details.all { display: block; font: 0.85rem/1.6 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; color: var(--tone); }
  .alike:not(:has(details.all[open])) td { display: none; }
  dialog .bar h2 { flex: 1 0 100%; }
  dialog .bar button.plain { padding-left: 0; }
  .copied { flex-direction: column; gap: 0.4rem; }
  .copied pre { width: 100%; }
  .shown { margin-left: 0; }
  .choices, .choices label { width: 100%; }
  .choices label { display: grid; grid-template-columns: 7rem minmax(0, 1fr); align-items: center; }
  select, input[type=search] { max-width: 100%; }
  .case > summary { grid-template-columns: 1rem 1.6rem 1fr; }
  .case > summary .id { grid-column: 3; text-align: left; padding: 0; }
  .case .body { padding-left: 0; }
  .compare, .compare td { display: block; }
  .compare tbody { display: flex; flex-direction: column; }
  .compare tr { display: contents; }
  .compare .received { order: 1; }
  .compare thead { display: none; }
  .compare td + td { border-left: 0; }
  .compare caption { display: block; text-align: left; padding: 0.3rem 0.7rem 0; color: var(--soft); }
  .compare .same .expected, .compare td.none { display: none; }
  .compare td:not(.marked)::before { font: 0.72rem/1 system-ui, sans-serif; margin-right: 0.5rem; }
  .compare .expected:not(.marked)::before { content: "expected"; } .compare .received:not(.marked)::before { content: "received"; }
  .compare .same .received::before { content: "both"; }
  .covers { grid-template-columns: 1fr; gap: 0; }
  .covers dd { margin-bottom: 0.5rem; }
  .legend dl { grid-template-columns: 1fr; gap: 0; }
  .legend dd { margin-bottom: 0.4rem; }
}
@media print {
  :root { --paper: #fff; --panel: #f4f4f4; --ink: #000; --soft: #444; --rule: #bbb; --link: #000; --fail: #a00; --fail-ground: #a00; --fail-ink: #fff; --fail-bar: #a00; --minus: #d6e6f7; --plus: #fce0c0; --known: #702; --unsure: #428; --warn: #640; --pass: #153; --none: #555; --tested: #000; --line: #888; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .filters, .skip, .copy, dialog, #frames { display: none !important; }
  #failures .case::details-content { content-visibility: visible; display: block; height: auto; }
  .matrix thead th { position: static; }
  .requirement, .compare tr, .diagram li, .card { break-inside: avoid; }
  * { print-color-adjust: exact; }
}
@media (forced-colors: active) {
  .v-fail > a.cell { border: 2px solid; }
  .compare td.marked { border: 1px solid; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
`;

export const pageStyle = [colours, text, cards, matrix, cases, diagramStyle, smallAndPaper].join("");
