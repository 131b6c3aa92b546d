"""`python -m mvx`: the same program as the `mvx` command."""

from mvx.cli.main import main

if __name__ == "__main__":
    main()
