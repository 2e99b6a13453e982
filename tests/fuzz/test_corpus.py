"""What fuzzing has found is replayed, without the fuzzer."""

import faulthandler
from itertools import chain

import corpus
import pytest
from targets import TARGETS

SECONDS = 120


@pytest.mark.parametrize("name", TARGETS)
def test_inputs_that_were_a_fault_or_go_everywhere(name):
    faulthandler.dump_traceback_later(SECONDS, exit=True)  # a fault may be that it takes for ever
    try:
        for data in chain(corpus.faults(name), corpus.finds(name), TARGETS[name].seeds):
            TARGETS[name].run(data)
    finally:
        faulthandler.cancel_dump_traceback_later()


def test_each_file_of_the_corpus_has_a_target():
    assert {path.name.split(".")[0] for path in corpus.FOLDER.iterdir()} <= TARGETS.keys()
