"""
GitHub workflow files as values: parse with positions, edit byte-exactly, prove each edit

Pure: text in, values out; no file is opened here. Read in this order: `tree` (text to nodes with exact spans), `read`
(nodes to a typed view), `expressions` and `names` (what the view's texts mean), `edits` (symbolic operations to splices),
`intend` (the same operations on plain data, written separately) and `prove` (the two must agree before anything is written).
"""
