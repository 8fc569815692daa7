"""The style sheet of the pages of an export. It names no font to load and no address."""

from __future__ import annotations

import base64
from hashlib import sha256

STYLE = """
:root { --ink: #1d2530; --soft: #566170; --paper: #ffffff; --line: #d5dbe3; --tint: #f3f6f9;
  --mark: #1f5fa8; --warn: #6b4500; --warn-tint: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --soft: #a5b0bd; --paper: #10151c; --line: #3b4552; --tint: #182029;
  --mark: #8ab8f0; --warn: #f2cc60; --warn-tint: #2e2408; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; }
p, ul, ol { margin: .5rem 0 1rem; max-width: 44rem; }
a { color: var(--mark); }
.box { background: var(--tint); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; margin: 1.25rem 0; }
.box.warn { background: var(--warn-tint); border-color: var(--warn); }
.box > :first-child { margin-top: 0; } .box > :last-child { margin-bottom: 0; }
.soft, small { color: var(--soft); font-size: .9375rem; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: start; vertical-align: top; padding: .6rem .75rem .6rem 0; border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--soft); font-size: .9rem; }
tbody th { font-weight: 600; }
.items { list-style: none; padding: 0; max-width: none; }
.items > li { border-bottom: 1px solid var(--line); padding: 1rem 0; break-inside: avoid; }
.name { font-weight: 600; overflow-wrap: anywhere; }
blockquote { margin: .5rem 0; padding-inline-start: 1rem;
  border-inline-start: 3px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
audio, video { display: block; width: 100%; max-width: 36rem; margin: .5rem 0; }
img { display: block; max-width: 100%; max-height: 24rem; margin: .5rem 0; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.25rem; margin: .5rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
code, pre { font: .9rem/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: .4rem; padding: .75rem 1rem; }
.map { display: block; width: 100%; height: auto; border: 1px solid var(--line); border-radius: .6rem; margin: 1rem 0; }
.sea { fill: var(--tint); } .line { stroke: var(--line); } .place { fill: var(--mark); fill-opacity: .6; }
.bar { fill: none; stroke: var(--ink); stroke-width: 2; } .note { fill: var(--soft); font-size: 13px; }
@media screen and (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  th, td { display: block; border: 0; padding: .1rem 0; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); } }
@media print { :root { --ink: #000; --soft: #444; --paper: #fff; --line: #999; --tint: #fff; --mark: #000; --warn: #000;
  --warn-tint: #fff; }
  @page { margin: 16mm; } body { font-size: 10.5pt; } main { max-width: none; padding: 0; }
  audio, video { display: none; } h2 { break-after: avoid; } }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "img-src 'self' file:; media-src 'self' file:; base-uri 'none'; form-action 'none'"
)
"""What a page may load (Content Security Policy, level 3): files beside it, and this style. No script."""
