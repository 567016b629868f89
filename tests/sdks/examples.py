"""The example projects: for each generator, a folder with its settings, its locks and a program.

    <language>/<generator>/   setup.sh -> generate.sh -> build.sh -> run.sh, watch.sh
    <language>/install.sh     what the generators of the language share, if anything

A folder is what a reader of `docs/sdk.md` copies: `run.sh` does the main job, and `watch.sh` runs
the program of that page, which prints changes until it is interrupted. The scripts find
`openapi.json` and `ent.yaml` (the objects that the programs apply) in the folder. Another generator
is a folder, an `Example` below, and its rows in that page. `setup.sh` is for readers of the page:
the tests have installed the same already.
"""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent

STEPS = (
    "token", "apply-yaml", "apply-json", "create", "list", "read", "merge-patch", "stale-write",
    "if-match", "resolve", "resolve-batch", "node-rules", "explain", "watch", "delete",
)  # fmt: skip
"""The main job, in its order; a program prints a line for each."""

_OPENAPI_GENERATOR = (
    r"OpenAPI 3\.1 support is still in beta",
    r"Failed to get the schema name: null",
    r"Ignoring complex example on request body",
    # A name of ours is a word of the language; the new name is what the programs use.
    r"(cannot be used as|\(reserved word\)).*Renamed to",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A generator, and the programs of the system that its folder needs."""

    language: str
    generator: str
    programs: tuple[str, ...]
    notices: tuple[str, ...] = ()
    """Patterns of the warnings that the generator prints for any document of this kind."""

    @property
    def name(self) -> str:
        return f"{self.language}/{self.generator}"

    @property
    def folder(self) -> Path:
        return HERE / self.language / self.generator


EXAMPLES = (
    Example(
        language="python",
        generator="openapi-python-client",
        programs=(),
        # It has no bodies of text, and leaves out the one operation that has one.
        notices=(
            r"Warning\(s\) encountered",
            r"PUT /nodes/\{name\}/ipvs/observed",
            r"type text/plain",
        ),
    ),
    Example(
        language="python",
        generator="openapi-generator",
        programs=("java",),
        notices=_OPENAPI_GENERATOR,
    ),
    Example(language="typescript", generator="hey-api", programs=("node", "npm")),
    Example(language="typescript", generator="openapi-fetch", programs=("node", "npm")),
    Example(
        language="typescript",
        generator="openapi-generator",
        programs=("node", "npm", "java"),
        notices=_OPENAPI_GENERATOR,
    ),
    Example(language="go", generator="oapi-codegen", programs=("go",)),
    Example(
        language="go",
        generator="ogen",
        programs=("go",),
        notices=(r"Header name is not canonical", r'"application/x-ndjson"'),
    ),
    Example(
        language="go",
        generator="openapi-generator",
        programs=("go", "java"),
        notices=_OPENAPI_GENERATOR,
    ),
    Example(
        language="java",
        generator="openapi-generator",
        programs=("java", "javac", "mvn"),
        notices=_OPENAPI_GENERATOR,
    ),
    Example(
        language="rust",
        generator="openapi-generator",
        programs=("cargo", "java", "jq"),
        notices=_OPENAPI_GENERATOR,
    ),
)
