"""The app of the codec's tests, as module ``codec_app``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pyboinc import codec


def load_app() -> ModuleType:
    if "codec_app" not in sys.modules:
        spec = importlib.util.spec_from_file_location("codec_app", Path(__file__).with_name("codec_app.py"))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["codec_app"] = module
        spec.loader.exec_module(module)
    return sys.modules["codec_app"]


@pytest.fixture(scope="session")
def app() -> ModuleType:
    return load_app()


@pytest.fixture(scope="session")
def known(app: ModuleType) -> codec.Classes:
    return codec.Classes(["codec_app"])
