"""
What can be changed, and how each kind of change is taken back

One module a kind: `edit_file` replaces workflow files in the working tree, `delivery` offers the same edit as a branch or a
pull request. Nothing here decides anything: `loop.apply` and `loop.settle` do, write it in the journal, and call in.
"""
