"""The backend boinc does what every backend must."""

import pytest

from pyboinc.testing.conformance import CAPABILITIES, Conformance


class TestBoinc(Conformance):
    interface = "boinc"
    capabilities = sorted(CAPABILITIES)
    refused_options = ({"app": "nobody"}, {"app_version": 7})
    refused_settings = ({"own_hosts_only": True},)
    reference_calls = 30

    @pytest.fixture
    def project_home(self, project):
        return str(project.folder)
