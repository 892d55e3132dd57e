"""
`python -m trimtab`: the same as the command `trimtab`
"""

import sys

from trimtab.cli.main import main

sys.exit(main())
