// The lines of a sequence diagram. The borders of each list item are a stretch of the two lifelines; an arrow is a bar
// that is clipped to shape, so that it takes any length. Arrows of the side under test have a colour of their own.

export const diagramStyle = String.raw`
.diagram { --times: 3.6rem; max-width: 52rem; font-size: 0.9rem; line-height: 1.35; }
.diagram time { font: 0.72rem/1.6 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--soft); text-align: right; padding-right: 0.8rem; }
.heads { display: grid; grid-template-columns: var(--times) 1fr 1fr; align-items: end; }
.heads p { line-height: 1.25; padding-bottom: 0.25rem; transform: translateX(-0.5px); }
.heads p:last-child { text-align: right; }
.heads small { color: var(--soft); display: block; }
.heads .tested b { color: var(--tested); }
.diagram ol { list-style: none; }
.diagram li { display: grid; grid-template-columns: var(--times) minmax(0, 1fr); }
.diagram li > :not(time) { border: solid var(--line); border-width: 0 1.5px; padding: 0.3rem 0; min-width: 0; }
.diagram li > time { padding-top: 0.42rem; }
.arrow { display: block; list-style: none; padding: 0 0.9rem; position: relative; }
.arrow::-webkit-details-marker { display: none; }
.diagram p.arrow { padding: 0.3rem 0.9rem; }
.diagram p.arrow::after { width: calc(100% + 1.8rem); }
.to-client .arrow { text-align: right; }
.arrow small { color: var(--soft); font-family: system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; font-size: 0.76rem; }
summary.arrow b::before { content: "▸"; display: inline-block; margin-right: 0.35em; font-size: 0.85em; color: var(--soft); font-weight: 400; }
details[open] > summary.arrow b::before { transform: rotate(90deg); }
summary.arrow:hover b { text-decoration: underline; }
.arrow::after { content: ""; display: block; height: 9px; margin: 1px -0.9rem 0; background: var(--ink); }
.tested .arrow::after { background: var(--tested); }
.tested .arrow b { color: var(--tested); }
.to-server .arrow::after { clip-path: polygon(0 4px, calc(100% - 9px) 4px, calc(100% - 9px) 0, 100% 4.7px, calc(100% - 9px) 9px, calc(100% - 9px) 5.4px, 0 5.4px); }
.to-client .arrow::after { clip-path: polygon(100% 4px, 9px 4px, 9px 0, 0 4.7px, 9px 9px, 9px 5.4px, 100% 5.4px); }
.to-server.k-end .arrow::after { clip-path: polygon(0 4px, calc(100% - 5px) 4px, calc(100% - 5px) 0, calc(100% - 2px) 0, calc(100% - 2px) 9px, calc(100% - 5px) 9px, calc(100% - 5px) 5.4px, 0 5.4px); }
.to-client.k-end .arrow::after { clip-path: polygon(100% 4px, 5px 4px, 5px 0, 2px 0, 2px 9px, 5px 9px, 5px 5.4px, 100% 5.4px); }
.k-reset .arrow::after { background: repeating-linear-gradient(90deg, var(--fail) 0 6px, transparent 6px 10px); }
.k-bytes .arrow::after { background: repeating-linear-gradient(90deg, var(--ink) 0 2px, transparent 2px 5px); }
.k-reset .arrow b { color: var(--fail); }
.diagram details[open] > .arrow { background: var(--panel); }
.diagram .app p span { font: 0.72rem/1 system-ui, sans-serif; color: var(--paper); background: var(--soft); border-radius: 3px; padding: 0.1rem 0.35rem; }
.diagram .app > p { padding-left: 0.9rem; color: var(--soft); }
.diagram .pause > p { text-align: center; color: var(--soft); font-size: 0.78rem; border-style: dotted; padding: 0.55rem 0; }
.diagram .silence > p { color: var(--fail); font-weight: 600; }
.diagram .broken > p { border-width: 0; border-top: 2px solid var(--fail); color: var(--fail); padding: 0.4rem 0; font-weight: 600; }
.bytes { display: block; padding: 0.5rem 0.9rem; text-align: left; font-size: 0.84rem; background: var(--panel); }
.fields { display: grid; grid-template-columns: 2.2rem fit-content(45%) minmax(0, 1fr); gap: 0.1rem 0.8rem; align-items: baseline; }
.fields i { font: 0.72rem/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--soft); text-align: right; }
.fields em { grid-column: 1 / -1; font-style: normal; color: var(--fail); }
.bytes .hex { margin-top: 0.2rem; font-size: 0.76rem; overflow-wrap: normal; white-space: pre; overflow-x: auto; }
.hex i { display: none; font-style: normal; }
.bytes .note { margin-top: 0.5rem; }
.frames { padding-left: 3.2rem; font-size: 0.9rem; }
.frames li { margin: 0.6rem 0; content-visibility: auto; contain-intrinsic-size: auto 9rem; }
.frames li:target { outline: 2px solid var(--link); }
@media (max-width: 46rem) {
  .diagram { --times: 2.7rem; }
  .diagram time { padding-right: 0.4rem; }
  .diagram .arrow small { display: inline-block; max-width: 100%; }
  .fields { grid-template-columns: max-content fit-content(45%) minmax(0, 1fr); gap: 0.1rem 0.5rem; }
  .hex i { display: inline; }
  .frames { padding-left: 0; }
}
`;
