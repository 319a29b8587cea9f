"""The settings of the lab, from the environment and `.env`: read once for a command, and handed down from there.

As in Compose, a variable of the environment counts before a line of `.env`; a variable that is set to nothing counts as
unset. Settings of the services (LAB_LOOP, HELLO_DELAY_S ...) are in `values`, for the services' own settings classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import env_file


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one checkout."""

    root: Path
    """Where the checkout is: compose.yaml, `.env`, `recordings/`."""
    environ: Mapping[str, str]
    """The environment that programs get which the lab starts."""
    values: Mapping[str, str]
    """All settings, of the environment and of `.env`."""
    project: str
    """COMPOSE_PROJECT_NAME."""
    base_image: str
    """BASE_IMAGE."""
    ca_bundle: str
    """CA_BUNDLE or SSL_CERT_FILE: a file of certificate authorities; a relative path starts at `root`."""
    docker_host: str
    """DOCKER_HOST, of the environment alone: Docker's client reads no `.env`."""
    engine: str
    """LAB_ENGINE, "auto" unless it is set. What it may be is checked where an engine is needed."""
    recordings: str
    """LAB_RECORDINGS."""
    swarm_nodes: str
    """LAB_SWARM_NODES: addresses of the engines of a Swarm's nodes, with blanks between them."""
    registry: str
    """LAB_REGISTRY: where the nodes of a Swarm get images from, as HOST:PORT or HOST/PATH."""

    @property
    def env_file(self) -> Path:
        """The file that Compose reads, too, and in which the lab remembers things."""
        return env_file_of(self.root)

    def with_environment(self, variables: Mapping[str, str]) -> "Settings":
        """Return these settings with other values for some variables of the environment."""
        return parse(self.root, {**self.environ, **variables}, self.values)


def read(root: Path, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a checkout. Raises `EnvFileBroken` or `EnvFileUnreadable`."""
    return parse(root, environ, env_file.read(env_file_of(root)))


def parse(root: Path, environ: Mapping[str, str], of_file: Mapping[str, str]) -> Settings:
    """Return what the environment and a file's settings say together."""
    values = {**of_file, **{name: value for name, value in environ.items() if value}}
    return Settings(
        root=root,
        environ=dict(environ),
        values=values,
        project=values.get("COMPOSE_PROJECT_NAME", ""),
        base_image=values.get("BASE_IMAGE", ""),
        ca_bundle=values.get("CA_BUNDLE") or values.get("SSL_CERT_FILE", ""),
        docker_host=environ.get("DOCKER_HOST", ""),
        engine=values.get("LAB_ENGINE") or "auto",
        recordings=values.get("LAB_RECORDINGS", ""),
        swarm_nodes=values.get("LAB_SWARM_NODES", ""),
        registry=values.get("LAB_REGISTRY", "").rstrip("/"),
    )


def env_file_of(root: Path) -> Path:
    """Return where a checkout's `.env` is."""
    return root / ".env"
