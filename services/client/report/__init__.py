"""The report: a trace drawn as one HTML file, which needs no script and no other file.

Order of reading: `lanes` (what a line of the picture is), `panels` (the lines of one run), `numbers`, `story` (what is
said of them), `drawing/` (where things are drawn), `page` (the HTML of it). `words` has the texts in both languages,
`templates/` the HTML and the style.
"""
