"""
The only SQL: what was observed (`store`), what was done and why (`journal`), and what that adds up to (`state`)

One SQLite file in WAL mode with synchronous=FULL holds all of it. The journal is append-only: two journals of one
repository merge by union, and `state.fold` gives the same State whatever the order they were merged in.
"""
