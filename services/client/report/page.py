"""The page: scenes as one HTML file, which has its style and its pictures in it, and no script and no address.

Jinja2 is imported when a page is drawn, and not before. It escapes all text: names and errors are of foreign programs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from services.client.report.drawing.picture import pictured
from services.client.report.panels import Panel, panels_of
from services.client.report.story import Story, story_of
from services.client.report.words import NAMES, Language, Words
from services.client.trace.model import Trace
from services.runtime.terminal import printable

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
PAGE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture and what is said of it.

    Arguments:
        traces: what is drawn, on one time axis.
        commands: what makes it again, by language.
        name: what it shows, in a few words, by language; empty on a page of one scene.
        sentences: what is said of it, by language; none: what the traces themselves show.
    """

    traces: Sequence[Trace]
    commands: Mapping[Language, Sequence[str]]
    name: Mapping[Language, str] | None = None
    sentences: Mapping[Language, Sequence[str]] | None = None


def report_html(traces: Sequence[Trace], *, title: str, command: str, language: Language = "en") -> str:
    """Return the report on traces, as HTML.

    Arguments:
        traces: what is drawn; each of their processes with a title has its own panel.
        title: of the page.
        command: what makes the traces again.
        language: of all that the report itself says.
    """
    return page_html([Scene(traces, {language: (command,) if command else ()})], title=title, language=language)


def page_html(
    scenes: Sequence[Scene], *, title: str, language: Language = "en", links: Mapping[Language, str] | None = None
) -> str:
    """Return a page of several scenes. `links`: the same page in other languages."""
    say = Words(language)
    others = [(each, NAMES[each], link) for each, link in (links or {}).items() if each != language]
    return (
        environment()
        .get_template(PAGE)
        .render(
            say=say,
            title=printable(title),
            others=others,
            scenes=[view_of(each, say) for each in scenes],
            begun=begun(scenes),
        )
    )


@dataclass(frozen=True, slots=True)
class SceneView:
    """A scene as the template gets it."""

    name: str
    story: Story
    sentences: Sequence[str]
    picture: object
    commands: Sequence[str]


def view_of(scene: Scene, say: Words) -> SceneView:
    """Return a scene as the template gets it."""
    panels: tuple[Panel, ...] = panels_of(scene.traces)
    story = story_of(panels, say)
    return SceneView(
        name=scene.name[say.language] if scene.name else "",
        story=story,
        sentences=scene.sentences[say.language] if scene.sentences else story.sentences,
        picture=pictured(panels, say),
        commands=[printable(each) for each in scene.commands[say.language]],
    )


def begun(scenes: Sequence[Scene]) -> str:
    """Return when the first recording of a page began."""
    first = min((trace.begun for scene in scenes for trace in scene.traces), default=None)
    return first.isoformat(timespec="seconds").replace("+00:00", "Z") if first else "?"


def shown(value: object) -> object:
    """Return a text without control characters, for the template to escape; what a macro has made stays as it is."""
    return printable(value) if type(value) is str else value


@cache
def environment() -> "Environment":
    """Return what reads the templates. Every text of theirs is escaped, and a name that is missing is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
