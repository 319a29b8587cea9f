"""What shows figures: `terminal`, `markdown` (docs/benchmarks.md), `chart` (an SVG), `page/` (an HTML file).

`texts` says figures and goals in words, `files` writes files, and the JSON file. `quotations` brings other pages up to
date, which quote figures.
"""
