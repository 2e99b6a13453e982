"""Whatever happens in whatever order, the project keeps BOINC's rules."""

import heapq
from random import Random
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyboinc.model import JobSettings
from pyboinc.states import (
    ASSIMILATE_DONE,
    CLIENT_ERROR,
    DIDNT_NEED,
    IN_PROGRESS,
    INCONCLUSIVE,
    INVALID,
    NO_CHECK,
    NO_OUTCOME,
    NO_REPLY,
    OVER,
    SUCCESS,
    TOO_LATE,
    UNSENT,
    VALID,
    VALIDATE_ERROR,
    VALIDATE_INIT,
)
from pyboinc_local.project import Abort, Answer, Cancel, Deliver, Detach, Project, Report, Request, Send, Submit, Tick
from pyboinc_local.server.rows import HR_COARSE, HR_NONE, Config
from pyboinc_local.simulation import Model
from pyboinc_validator.quorum import Candidate, Check


class Job(NamedTuple):
    name: str


RANK = {UNSENT: 0, IN_PROGRESS: 1, OVER: 2}
OUTCOMES = {  # an outcome, once set, changes like this only
    NO_REPLY: {SUCCESS, CLIENT_ERROR, VALIDATE_ERROR},
    SUCCESS: {VALIDATE_ERROR},
}
VALIDATIONS = {
    VALIDATE_INIT: {VALID, INVALID, NO_CHECK, INCONCLUSIVE, TOO_LATE},
    INCONCLUSIVE: {VALID, INVALID, NO_CHECK},
    NO_CHECK: {VALID, INVALID},
}


class Watch:
    """Remembers states and checks how they change."""

    def __init__(self, project):
        self.project = project
        self.results = {}
        self.workunits = {}

    def look(self):
        project = self.project
        unsent = running = open_ = 0
        for wu in project.workunits.values():
            before = self.workunits.get(wu.id, (0, 0, 0, 0))
            now = wu.error_mask, wu.canonical_resultid, wu.assimilate_state, wu.file_delete_state
            assert now[0] & before[0] == before[0], "error masks only grow"
            assert before[1] in (0, now[1]), "a canonical result stays"
            assert now[2] >= before[2] and now[3] >= before[3]
            if now[1]:
                canonical = next(each for each in wu.results if each.id == now[1])
                assert (canonical.outcome, canonical.validate_state) == (SUCCESS, VALID)
                valid = sum(each.validate_state == VALID for each in wu.results)
                assert valid >= wu.min_quorum // 2 + 1, "a majority of the quorum agrees"
            if wu.assimilate_state == ASSIMILATE_DONE:
                assert wu.error_mask or wu.canonical_resultid
            else:
                assert not wu.error_mask and not wu.canonical_resultid
            assert len(wu.results) <= wu.max_total_results
            assert not wu.need_validate
            self.workunits[wu.id] = now
            open_ += wu.assimilate_state != ASSIMILATE_DONE
            for result in wu.results:
                self._look_at(result)
                unsent += result.server_state == UNSENT
                running += result.server_state == IN_PROGRESS
        assert (project.unsent, project.in_progress, project.open) == (unsent, running, open_)
        on_hosts = [number for host in project.hosts.values() for number in host.in_progress]
        assert len(on_hosts) == len(set(on_hosts)) == running

    def _look_at(self, result):
        state, outcome, validation = self.results.get(result.id, (UNSENT, NO_OUTCOME, VALIDATE_INIT))
        assert RANK[result.server_state] >= RANK[state]
        assert (result.server_state == OVER) == (result.outcome != NO_OUTCOME)
        if result.outcome != outcome:
            assert (
                outcome == NO_OUTCOME or result.outcome in OUTCOMES[outcome] or (outcome == NO_REPLY and result.outcome == VALIDATE_ERROR)
            )
        if result.validate_state != validation:
            assert result.validate_state in VALIDATIONS[validation]
        if result.outcome == DIDNT_NEED:
            assert result.hostid == 0
        self.results[result.id] = result.server_state, result.outcome, result.validate_state


def read(wu, result):
    return Candidate(result.id, result.output, Check.INVALID if result.output == b"garbage" else Check.OK)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),
    quorum=st.integers(1, 3),
    extra=st.integers(0, 2),
    limits=st.tuples(st.integers(0, 3), st.integers(3, 8), st.integers(2, 6)),
    adaptive=st.booleans(),
    hr=st.sampled_from([HR_NONE, HR_COARSE]),
    per_user=st.booleans(),
    resend=st.booleans(),
    exact=st.booleans(),
    bad=st.floats(0.0, 0.5),
)
def test_any_sequence_of_events(seed, quorum, extra, limits, adaptive, hr, per_user, resend, exact, bad):
    random = Random(seed)
    project = Project(
        config=Config(one_result_per_user_per_wu=per_user, resend_lost_results=resend, boinc_exact=exact, daily_result_quota=30), seed=seed
    )
    app = project.add_app("app", target_nresults=2 if adaptive else 0, homogeneous_redundancy=hr)
    project.add_version(app, 1, "x")
    errors, total, successes = limits
    batch = project.add_batch(
        app,
        JobSettings(
            quorum=quorum,
            replication=quorum + extra,
            deadline=1000.0,
            max_error_results=errors,
            max_total_results=max(total, quorum + extra),
            max_success_results=successes,
            fpops_estimate=1e9,
        ),
        read=read,
    )
    hosts = [project.add_host(("x",), os_name=("Linux", "Windows")[n % 2], p_vendor="Intel", userid=n // 2 + 1) for n in range(8)]
    watch = Watch(project)
    names = 0
    now = 0.0
    running = []  # (when it ends, number, host, result)
    delivered = []

    def handle(event):
        for action in project.handle(event, now):
            if isinstance(action, Send):
                seconds = random.choice((10.0, 300.0, 900.0, 1500.0))
                heapq.heappush(running, (now + seconds, action.result.id, random.random(), action.host, action.result))
            elif isinstance(action, Deliver):
                delivered.append(action.record)
            else:
                assert isinstance(action, Abort)
        watch.look()

    def answer():
        if random.random() >= bad:
            return Answer(10.0, 0, b"right")
        return random.choice((Answer(10.0, 0, b"wrong"), Answer(10.0, 0, b"garbage"), Answer(10.0, 1), Answer(10.0, 203)))

    for _ in range(80):
        now += random.choice((0.0, 1.0, 50.0, 400.0))
        what = random.random()
        if what < 0.15 and names < 30:
            count = random.randrange(1, 5)
            handle(Submit(batch, [Job(str(names + n)) for n in range(count)]))
            names += count
        elif what < 0.6:
            host = random.choice(hosts)
            held = [entry[4].id for entry in running if entry[3] is host and random.random() < 0.9]
            handle(Request(host, random.randrange(1, 4), held if random.random() < 0.5 else None))
        elif what < 0.85 and running:
            end, _, _, host, result = heapq.heappop(running)
            now = max(now, end)
            handle(Report(host, result, answer()))
        elif what < 0.9:
            handle(Tick())
        elif what < 0.92:
            handle(Detach(random.choice(hosts)))
        elif what < 0.94 and names:
            handle(Cancel(batch, [str(random.randrange(names))]))

    # once hosts answer, every workunit ends, canonical or failed
    bad = 0.0
    for _ in range(150):
        if not project.open:
            break
        now += 500.0
        handle(Tick())
        while running and running[0][0] <= now:
            _, _, _, host, result = heapq.heappop(running)
            handle(Report(host, result, answer()))
        for host in hosts:
            handle(Request(host, 2))
    if not per_user:  # otherwise there may be no volunteer left who has had no result of a job
        assert project.open == 0 and len({record.job for record in delivered}) == names
    for record in delivered:
        assert record.output is not None or record.error_mask


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), quorum=st.sampled_from([2, 3]))
def test_one_liar_among_honest_hosts_never_wins(seed, quorum):
    random = Random(seed)
    project = Project(config=Config(one_result_per_user_per_wu=True), seed=seed)
    app = project.add_app("app")
    project.add_version(app, 1, "x")
    batch = project.add_batch(app, JobSettings(quorum=quorum), read=Model.read)
    hosts = [project.add_host(("x",)) for _ in range(6)]
    project.handle(Submit(batch, [Job(str(n)) for n in range(20)]), 0.0)
    outputs = []
    running = []
    now = 1.0
    while project.open:
        now += 1.0
        host = random.choice(hosts)
        running += [action for action in project.handle(Request(host), now) if isinstance(action, Send)]
        if running:
            sent = running.pop(random.randrange(len(running)))
            answer = Answer(1.0, 0, b"lie" if sent.host is hosts[0] else b"truth")
            actions = project.handle(Report(sent.host, sent.result, answer), now)
            outputs += [each.record.output for each in actions if isinstance(each, Deliver)]
    assert outputs == [b"truth"] * 20
