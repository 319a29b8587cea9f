"""What the environment and `.env` say together."""

from pathlib import Path

from lab.settings import read


def test_the_environment_wins_unless_it_says_nothing(tmp_path: Path) -> None:
    """As in Compose; a variable that is set to nothing is a setting that is left out."""
    file = tmp_path / ".env"
    file.write_text("A=1\nB=2\nC=3\n")
    found = read(tmp_path, {"B": "", "C": "4", "D": "5"})
    assert found.values == {"A": "1", "B": "2", "C": "4", "D": "5"}


def test_what_the_lab_uses_itself_has_a_name(tmp_path: Path) -> None:
    """A setting that is nowhere is empty. DOCKER_HOST counts in the environment alone, since Docker reads no `.env`."""
    (tmp_path / ".env").write_text("COMPOSE_PROJECT_NAME=mine\nLAB_RECORDINGS=r\nDOCKER_HOST=tcp://far\n")
    found = read(tmp_path, {"BASE_IMAGE": "theirs:1", "SSL_CERT_FILE": "/ca.pem"})
    assert (found.project, found.recordings, found.base_image, found.ca_bundle) == ("mine", "r", "theirs:1", "/ca.pem")
    assert (found.engine, found.docker_host) == ("auto", "")


def test_a_variable_that_is_handed_down_counts_before_all_others(tmp_path: Path) -> None:
    """And the process's own environment is not written."""
    (tmp_path / ".env").write_text("BASE_IMAGE=mine:1\n")
    found = read(tmp_path, {"BASE_IMAGE": "theirs:1"}).with_environment({"BASE_IMAGE": "chosen:1"})
    assert (found.base_image, found.environ["BASE_IMAGE"]) == ("chosen:1", "chosen:1")
