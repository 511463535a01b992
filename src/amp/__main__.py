"""``python -m amp``: the same as the command ``amp``."""

import sys

from amp.cli import main

sys.exit(main())
