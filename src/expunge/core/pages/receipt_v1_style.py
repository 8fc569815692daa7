"""The style sheet of version 1 of the receipt page. Released: do not change it."""

from __future__ import annotations

STYLE = """\
:root { --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --line: #d0d7de; --tint: #f6f8fa;
  --good: #0a5c2e; --good-tint: #e6f4ea; --bad: #8a1f11; --bad-tint: #fdecea; --stay: #6b4500; --stay-tint: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --line: #3d444d; --tint: #161b22;
  --good: #7ee2a0; --good-tint: #0f2a1b; --bad: #ffb4a8; --bad-tint: #3a1613; --stay: #f2cc60; --stay-tint: #2e2408; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .6rem; }
p { margin: .4rem 0 .8rem; max-width: 46rem; }
strong { overflow-wrap: anywhere; }
.verdict { border: 2px solid; border-radius: .6rem; padding: 1rem 1.25rem; margin: 1.25rem 0; }
.verdict h2 { margin: 0; font-size: 1.45rem; line-height: 1.3; }
.verdict p { margin: .35rem 0 0; color: var(--ink); }
.verdict.good { color: var(--good); background: var(--good-tint); }
.verdict.bad { color: var(--bad); background: var(--bad-tint); }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .55rem .75rem .55rem 0; border-bottom: 1px solid var(--line);
  font-weight: 400; overflow-wrap: anywhere; }
thead th { color: var(--soft); font-size: .875rem; font-weight: 600; overflow-wrap: normal; white-space: nowrap; }
tbody th { min-width: 9rem; }
td[data-label="What happened"], td[data-label="Items"], td[data-label="How deep"] { overflow-wrap: normal; }
td[data-label="What happened"] { min-width: 9rem; }
td[data-label="How it was checked"] { font-size: .9rem; }
small { color: var(--soft); font-size: .875rem; }
.mark { display: inline-block; padding: .05rem .5rem; border-radius: .5rem; font-weight: 600; font-size: .9rem; }
.mark.good { color: var(--good); background: var(--good-tint); }
.mark.bad { color: var(--bad); background: var(--bad-tint); }
.mark.stay { color: var(--stay); background: var(--stay-tint); }
dl { display: grid; grid-template-columns: minmax(9rem, max-content) 1fr; gap: .35rem 1.25rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
dl.fine { font-size: .875rem; }
ul { margin: 0; padding-left: 1.2rem; max-width: 46rem; }
li { margin: .25rem 0; overflow-wrap: anywhere; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: .4rem; padding: .75rem 1rem; overflow-x: auto; }
code { font: .875rem/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; }
@media screen and (max-width: 44rem) {
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, th, td { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .6rem 0; }
  tbody th, td { border: 0; padding: .15rem 0; }
  td::before { content: attr(data-label) ": "; color: var(--soft); font-size: .875rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .6rem; }
}
@media print {
  :root { --ink: #000000; --soft: #444444; --paper: #ffffff; --line: #999999; --tint: #ffffff; --good: #000000; --good-tint: #ffffff;
    --bad: #000000; --bad-tint: #ffffff; --stay: #000000; --stay-tint: #ffffff; }
  @page { margin: 16mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  .mark { padding: 0; }
  h2 { break-after: avoid; }
  tr, dt, dd, li, pre, .verdict { break-inside: avoid; }
  pre { white-space: pre-wrap; }
}
"""
