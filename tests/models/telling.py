"""One of several processes that tell of their progress and of an error, for `models.launch`."""

import sys

from loop.errors import InputError
from models.launch import tell, tell_error


def main() -> None:
    """Tell, print what is nobody's business, and fail."""
    tell(1, 2, " ".join(sys.argv[1:]))
    sys.stdout.write("a library's remark\n")
    error = InputError("too many words", given=sys.argv[1:], expected="none", fix=f"leave out {sys.argv[1]}")
    tell_error(error)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
