"""`python -m mockserver`."""

import sys

from mockserver.cli import run

if __name__ == "__main__":
    sys.exit(run())
