"""What every backend must do, as tests. Needs pytest: ``pip install "pyboinc-core[testing]"``.

A backend's test file is one import and a list of capabilities::

    from pyboinc.testing.conformance import Conformance

    class TestMyBackend(Conformance):
        interface = "my_backend"
        capabilities = ["background", "console"]

pytest then runs every test of `Conformance`; those that need a capability that is not listed are skipped and say which.
`CAPABILITIES` says what each means. How to write a backend, with a small one whole: docs/writing-a-backend.md.
"""

try:
    import pytest
except ModuleNotFoundError as error:
    raise ImportError('the conformance suite needs pytest:  pip install "pyboinc-core[testing]"') from error

pytest.register_assert_rewrite(__name__ + ".suite")

from .capabilities import CAPABILITIES as CAPABILITIES  # noqa: E402
from .capabilities import requires as requires  # noqa: E402
from .suite import Conformance as Conformance  # noqa: E402
