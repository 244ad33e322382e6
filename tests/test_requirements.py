"""The oldest dependencies that CI tests with are those that ``setup.cfg`` allows."""

from configparser import ConfigParser

from packaging.requirements import Requirement

from tests.helpers.running import ROOT


def requirements(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.splitlines() if line and not line.startswith('#')]


def test_the_oldest_dependencies_are_the_lower_limits():
    setup = ConfigParser()
    setup.read(ROOT / 'setup.cfg')
    allowed = {one.name: one.specifier for one in requirements(setup['options']['install_requires'])}
    oldest = requirements((ROOT / 'requirements-oldest.txt').read_text())
    for one in oldest:
        (pinned,) = one.specifier
        assert pinned.operator == '==' and pinned.version in allowed[one.name], one
        lower = {limit.version for limit in allowed[one.name] if limit.operator == '>='}
        assert all(pinned.version.startswith(version) for version in lower), one
    limited = {
        name for name, specifier in allowed.items() if any(limit.operator == '>=' for limit in specifier)
    }
    assert limited <= {one.name for one in oldest}
