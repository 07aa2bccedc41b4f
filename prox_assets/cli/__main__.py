"""Run the `prox` command as `python -m prox_assets.cli`."""

import sys

from prox_assets.cli import main

if __name__ == "__main__":
    sys.exit(main())
