"""
Other checkers that Trimtab listens to, one file each

A module describes the command and understands its output; `world` runs it. So an entry stays pure and is tested on text.
"""
