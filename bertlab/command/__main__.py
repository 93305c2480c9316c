"""`python -m bertlab.command`, as torchrun wants it."""

import sys

from bertlab.command.entry import main

if __name__ == "__main__":
    sys.exit(main())
