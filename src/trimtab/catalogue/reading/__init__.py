"""
How the entries read a repository: what several rules and KPIs ask of a workflow or a history, answered once

No entry lives here, and nothing here knows a rule: what a job is for, when it runs, where it installs, how long it takes.
"""
