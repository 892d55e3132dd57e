"""
The command line: one file a verb in `verbs/`, each of which parses, calls the loop and renders

A verb is a module with a docstring (its help and its page in the reference), `arguments(parser)` and `run(options, terminal)`.
Verbs import what they need inside `run`, so that `trimtab --version` and `--help` load neither YAML nor numpy nor HTTP.
"""
