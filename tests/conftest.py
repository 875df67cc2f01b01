"""What holds for all tests."""

import os

# Many tests start Python, and compiling every module anew is most of what a command does. Where the machine says that
# nothing compiled is kept, as images of containers do, the tests' own processes keep it all the same.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
