"""`python -m xscaler_istio`."""

from xscaler_istio.cli import main

if __name__ == "__main__":
    main()
